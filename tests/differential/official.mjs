// The official Cedar engine, as compiled to WebAssembly: a case on each line of standard input, what it says to it on
// one line of standard output. native/src/main.rs gives the same answers and more, and faster.
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

const isTemplate = (text) => /\?(principal|resource)/.test(text);
const formOf = (text) => (isTemplate(text) ? cedar.templateToJson(text) : cedar.policyToJson(text)).json ?? null;
const textOf = (form, text) =>
  form && ((isTemplate(text) ? cedar.templateToText(form) : cedar.policyToText(form)).text ?? null);

function policySet(q) {
  const set = { staticPolicies: {}, templates: {}, templateLinks: q.links };
  q.policies.forEach((text, i) => { (isTemplate(text) ? set.templates : set.staticPolicies)[`policy${i}`] = text; });
  return set;
}

// Half of the cases are formatted; only they are printed too, because here parsing is slow.
const print = (q, forms) => ({
  texts: forms.map((form, i) => textOf(form, q.policies[i])),
  reread: q.texts.map((text) => text && formOf(text)),
  formatted: cedar.formatPolicies({
    policyText: q.policies.join('\n'), lineWidth: q.lineWidth, indentWidth: q.indentWidth }).formatted_policy ?? null,
});

function sayPolicies(q) {
  const forms = q.policies.map(formOf);
  return { forms, ...(q.formatted ? print(q, forms) : {}) };
}

// What there is to say about the schema of the last case, which is often that of the next: reading one costs most.
let last = {};

function saySchema({ schema, schemaText }) {
  if (last.schema === schema && last.schemaText === schemaText) return last.said;
  const isGood = cedar.preparseSchema('case', schema).type === 'success';
  const said = isGood ? {
    schema: cedar.schemaToJson(schema).json,
    resolved: cedar.schemaToJsonWithResolvedTypes(schema).json,
    schemaText: cedar.schemaToText(schema).text ?? null,
    schemaReread: (schemaText && cedar.schemaToJson(schemaText).json) ?? null,
  } : { schema: null };
  last = { schema, schemaText, said };
  return said;
}

// Where policies are wrong. A link is reported at its template, whose text it has. Some errors have no place: then only
// the policies are told.
function validate(q, set) {
  const found = cedar.validate({ schema: last.said.schema, policies: set }).validationErrors
    .filter(({ policyId }) => !policyId.startsWith('link'));
  const all = found.every(({ error }) => error.sourceLocations.length > 0);
  const place = ({ policyId, error: { sourceLocations: [at] } }) => (all ? `${policyId} ${at.start} ${at.end}` : policyId);
  return [...new Set(found.map(place))].sort();
}

function decide(q, request, hasSchema) {
  const answer = cedar.statefulIsAuthorized({
    ...request, entities: q.entities, preparsedPolicySetId: 'case', preparsedSchemaName: hasSchema ? 'case' : undefined,
    validateRequest: hasSchema });
  if (answer.type !== 'success') return null;
  const { decision, diagnostics } = answer.response;
  return { decision, reason: [...diagnostics.reason].sort(), errors: diagnostics.errors.map((each) => each.policyId).sort() };
}

function say(q) {
  const set = policySet(q);
  const accepted = cedar.preparsePolicySet('case', set).type === 'success';
  const said = saySchema(q);
  const hasSchema = said.schema !== null;
  const schema = hasSchema && q.typed ? said.schema : null;
  const entities = cedar.checkParseEntities({ entities: q.entities, schema }).type === 'success';
  return {
    ...sayPolicies(q),
    ...said,
    accepted,
    ...(hasSchema && accepted ? { invalid: validate(q, set) } : {}),
    entities,
    ...(accepted && entities ? { requests: q.requests.map((request) => decide(q, request, schema !== null)) } : {}),
  };
}

function answer(line) {
  try {
    return say(JSON.parse(line));
  } catch (error) {
    return { failed: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
