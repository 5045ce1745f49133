// The official Cedar engine as the judge of ours: a case with our answers on each line of standard input, one line of
// JSON for each on standard output: [] when the engines agree, else [aspect, the official answer, ours].
// A line {"expect": CASE} is answered with the official answers, for a test in the format of the corpus.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// The engine's glue turns everything into doubles and back. Numbers that these cannot hold travel as raw text.
const plainParse = JSON.parse;
const exact = (key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) ? JSON.rawJSON(source) : value;
JSON.parse = (text, reviver) => plainParse(text, reviver ?? (/\d{16}/.test(text) ? exact : undefined));

const peers = fileURLToPath(new URL('../peers/package.json', import.meta.url));
const cedar = createRequire(peers)('@cedar-policy/cedar-wasm/nodejs');
const ANSWER_CHARACTERS_MAX = 1000; // a block of answers has to fit into a pipe that nobody reads meanwhile

function canonical(value) {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object' || JSON.isRawJSON(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, canonical(value[key])]));
}
const textOf = (value) => JSON.stringify(canonical(value ?? null));

class Difference extends Error {}

function expectSame(aspect, official, ours) {
  const [left, right] = [textOf(official), textOf(ours)];
  if (left === right) return;
  let at = 0;
  while (left[at] === right[at]) at++;
  const around = (text) => text.slice(Math.max(0, at - ANSWER_CHARACTERS_MAX / 4)).slice(0, ANSWER_CHARACTERS_MAX / 2);
  throw Object.assign(new Difference(aspect), { answer: [aspect, around(left), around(right)] });
}

const isTemplate = (text) => /\?(principal|resource)/.test(text);
const formOf = (text) => {
  const answer = isTemplate(text) ? cedar.templateToJson(text) : cedar.policyToJson(text);
  return answer.type === 'success' ? answer.json : null;
};

function policySet(q) {
  const set = { staticPolicies: {}, templates: {}, templateLinks: q.links };
  q.policies.forEach((text, i) => { (isTemplate(text) ? set.templates : set.staticPolicies)[`policy${i}`] = text; });
  return set;
}

function comparePolicies(q, set) {
  const isGood = cedar.preparsePolicySet('case', set).type === 'success';
  expectSame('policies accepted', isGood, q.ours.policies !== null);
  if (!isGood) return false;
  q.policies.forEach((text, i) => {
    const form = formOf(text);
    const { staticPolicies, templates } = q.ours.policies;
    expectSame('JSON form of a policy', form, { ...staticPolicies, ...templates }[`policy${i}`]);
    expectSame('printed text of a policy', form, formOf(q.ours.texts[i]));
  });
  return true;
}

function compareSchema(q) {
  const isGood = cedar.preparseSchema('case', q.schema).type === 'success';
  expectSame('schema accepted', isGood, q.ours.schema !== null);
  if (!isGood) return false;
  expectSame('JSON form of the schema', cedar.schemaToJson(q.schema).json, q.ours.schema);
  expectSame('resolved schema', cedar.schemaToJsonWithResolvedTypes(q.schema).json, q.ours.resolved);
  return true;
}

// Where policies are wrong. A link is reported at its template, whose text it has. Some errors have no place.
function validate(q, set) {
  const answer = cedar.validate({ schema: q.schema, policies: set });
  if (answer.type !== 'success') return null;
  const found = answer.validationErrors.filter(({ policyId }) => !policyId.startsWith('link'));
  return found.map(({ policyId, error: { sourceLocations: [place] } }) =>
    (place ? `${policyId} ${place.start} ${place.end}` : policyId));
}

function compareValidation(q, set) {
  const official = validate(q, set);
  const allHavePlaces = official?.every((each) => each.includes(' '));
  const norm = (found) => found && [...new Set(allHavePlaces ? found : found.map((each) => each.split(' ')[0]))].sort();
  expectSame('validation', norm(official), norm(q.ours.invalid));
}

function authorize(q, request, hasSchema) {
  const answer = cedar.statefulIsAuthorized({
    ...request, entities: q.entities, preparsedPolicySetId: 'case', preparsedSchemaName: hasSchema ? 'case' : undefined,
    validateRequest: hasSchema });
  if (answer.type !== 'success') return null;
  const { decision, diagnostics } = answer.response;
  return { decision, reason: [...diagnostics.reason].sort(), errors: diagnostics.errors.map((each) => each.policyId).sort() };
}

function compare(q) {
  const set = policySet(q);
  const hasPolicies = comparePolicies(q, set);
  const hasSchema = compareSchema(q);
  if (hasPolicies && hasSchema) compareValidation(q, set);
  const schema = hasSchema && q.typed ? q.schema : null;
  const isGood = cedar.checkParseEntities({ entities: q.entities, schema }).type === 'success';
  expectSame('entities accepted', isGood, q.ours.entities);
  if (!hasPolicies || !isGood) return [];
  q.requests.forEach((request, i) => {
    const ours = q.ours.requests[i];
    for (const name of ['reason', 'errors']) ours?.[name].sort();
    expectSame('decision', authorize(q, request, schema !== null), ours);
  });
  return [];
}

function expected(q) {
  const set = policySet(q);
  const hasPolicies = cedar.preparsePolicySet('case', set).type === 'success';
  const hasSchema = cedar.preparseSchema('case', q.schema).type === 'success';
  return {
    shouldValidate: hasPolicies && hasSchema && validate(q, set)?.length === 0,
    requests: q.requests.map((request) => ({ ...request, ...(hasPolicies ? authorize(q, request, hasSchema && q.typed) : {}) })),
  };
}

function answer(line) {
  try {
    const q = JSON.parse(line);
    return q.expect ? expected(q.expect) : compare(q);
  } catch (error) {
    return error instanceof Difference ? error.answer : ['oracle failed', String(error).slice(0, ANSWER_CHARACTERS_MAX), ''];
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
