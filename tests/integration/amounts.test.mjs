// Values that an amount may have on the wire, against a forbid on large ones and a permit of small ones: the forbid
// stops what it cannot read, the permit never fires on it. Through the running gateway, and seen from three sides.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { AMOUNT_TOOLS } from '../peers/answers.mjs';
import { rootFolder } from '../peers/support.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';

const SERVERS = ['guarded', 'granting'];
const DIGITS = '9'.repeat(4000);

// What no schema and no policy of these tests takes for a small amount.
const ODD = [
  '1e30', '-1e400', '9223372036854775808', DIGITS, `1.${DIGITS}`, '1e-400', 'null', 'true', 'false',
  '{}', '{"amount":5000}', '[5000]', '[[5]]', '[5,5000]',
  '{"__entity":{"type":"Aegis::Role","id":"Developers"}}',
  '{"__extn":{"fn":"decimal","arg":"1.0"}}', '{"__expr":"1"}', '{"__extn":{"__extn":{"fn":"ip","arg":"1.1.1.1"}}}',
];
const NUMBERS_ABOVE = ['1001', '1e4', '1000.5', '1000.0001', '1000.00000001', '999.99999'];

/** The amounts of one tool that pass; every other value below is refused. */
const ROWS = [
  { tool: 'pay_integer', good: ['5', '1000', '1e3', '1000.0', '-0', '-5', '0e99'], bad: [...NUMBERS_ABOVE, '"5"', '"5000"'] },
  { tool: 'pay_number', good: ['5', '1000', '1e3', '1000.0000', '-0', '0.5', '999.9999'], bad: [...NUMBERS_ABOVE, '"5"', '"5000"'] },
  { tool: 'pay_nullable', good: ['5', '0.5'], bad: [...NUMBERS_ABOVE, '"5000"'] },
  { tool: 'pay_either', good: [], bad: ['5', ...NUMBERS_ABOVE, '"5"', '"5000"'] },
  { tool: 'pay_untyped', good: [], bad: ['5', ...NUMBERS_ABOVE, '"5"', '"5000"'] },
  { tool: 'pay_text', good: ['"5"', '""', '"\\u0035"'], bad: ['"5000"', '"\\u0035000"', '5000', '5'] },
  { tool: 'pay_list', good: ['[]', '[5]'], bad: ['5', '"5000"', '[5000]', '[5,5e3]', '["5000"]', '[null]', '[1e30]', '[5.5]'] },
  { tool: 'pay_nested', good: ['{"amount":5}'], bad: ['5', '{"amount":"5000"}', '{"amount":null}', '{"amount":1e30}'] },
];

/** Whole arguments, for the tool pay_integer. */
const ARGUMENTS = [
  { name: 'no amount', text: '{}' },
  { name: 'no arguments', text: undefined },
  { name: 'an escaped name', text: '{"\\u0061mount":5000}' },
  { name: 'an escaped name twice', text: '{"amount":5,"\\u0061mount":5000}', type: 'wire.reject', code: 'json.duplicate' },
  { name: 'the name twice', text: '{"amount":5,"amount":5000}', type: 'wire.reject', code: 'json.duplicate' },
  { name: 'the large one first', text: '{"amount":5000,"amount":5}', type: 'wire.reject', code: 'json.duplicate' },
  { name: 'an array', text: '[5]', type: 'wire.reject', code: 'mcp.params' },
  { name: 'a text', text: '"5"', type: 'wire.reject', code: 'mcp.params' },
  { name: 'null', text: 'null', type: 'wire.reject', code: 'mcp.params' },
  { name: 'another case beside it', text: '{"amount":5,"Amount":5000}' },
  { name: 'the record under a Cedar escape', text: '{"__extn":{"fn":"decimal","arg":"1.0"},"amount":5000}' },
];

let bench;
before(async () => {
  bench = await Bench.start({
    isLegacy: false,
    hasRealServers: false,
    counting: { tools: AMOUNT_TOOLS },
    more: ({ counting }) => SERVERS.map((name) => ({ name, url: counting.url, trust: 'internal', revision: '2026-07-28' })),
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-amounts')] },
  });
  for (const server of SERVERS) await bench.warm(server, 'pay_integer', { amount: 5 });
});
after(() => bench?.stop());

/** Calls with exactly this text as arguments. */
function call(server, tool, text) {
  const request = modernCall(tool, 'ARGUMENTS');
  const body = request.body.toString();
  const changed = text === undefined ? body.replace(',"arguments":"ARGUMENTS"', '') : body.replace('"ARGUMENTS"', () => text);
  return rawRequest(bench.serverUrl(server), { ...request, body: Buffer.from(changed) }, bench.token);
}

async function passes(server, tool, text) {
  const calls = bench.counting.messages.length;
  const { status, messages: [message] } = await call(server, tool, text);
  assert.equal(status, 200);
  assert.equal(message.result?.isError ?? false, false, JSON.stringify(message));
  assert.equal(message.result.content[0].text, tool);
  const [{ params }] = bench.counting.messages.slice(calls).filter(({ method }) => method === 'tools/call');
  assert.deepEqual(params.arguments, JSON.parse(text));
}

function judgeRefused(target, { answer, record }, { type = 'authz.deny', code } = {}) {
  const [message] = answer.messages;
  assert.ok(message.result?.isError === true || message.error !== undefined, JSON.stringify(message));
  assert.equal(record.type, type, JSON.stringify(record));
  if (type === 'authz.deny') {
    assert.equal(record.decision, 'deny');
    assert.equal(record.target, target);
    assert.match(record.code, /^(policy_denied|arguments\.[a-z]+)$/);
  }
  if (code !== undefined) assert.equal(record.code, code);
}

/** rows: `{ name, text, type, code }`, each text the arguments of a call that must be stopped. */
async function stopsAll(t, server, tool, rows) {
  const outcomes = await bench.refusedAll(rows.map(({ text }) => () => call(server, tool, text)));
  for (const [i, row] of rows.entries()) {
    await t.test(`stops ${row.name}`, () => judgeRefused(`${server}.${tool}`, outcomes[i], row));
  }
}

function shortened(text) {
  return text.length > 60 ? `${text.slice(0, 20)}... of ${text.length} bytes` : text;
}

for (const server of SERVERS) {
  for (const { tool, good, bad } of ROWS) {
    test(`${server}: ${tool}`, async (t) => {
      for (const value of good) await t.test(`takes ${value}`, () => passes(server, tool, `{"amount":${value}}`));
      await stopsAll(t, server, tool, [...bad, ...ODD].map((value) => ({ name: shortened(value), text: `{"amount":${value}}` })));
    });
  }
  test(`${server}: whole arguments`, (t) => stopsAll(t, server, 'pay_integer', ARGUMENTS));
}
