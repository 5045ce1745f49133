// Header fields that repeat arguments of a tool (2026-07-28): what the official client sends is taken, the server behind
// gets fields written from the body, and whatever disagrees with the body reaches nobody.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { connectLegacy, connectModern, resultText } from '../peers/support.mjs';
import { Bench, MODERN, modernCall, modernRequest, rawRequest } from './helpers.mjs';

const property = (type, name, more = {}) => ({ type, 'x-mcp-header': name, ...more });
const tool = (name, properties) => ({ name, description: name, inputSchema: { type: 'object', properties } });

const TOOLS = [
  tool('read_report', {
    region: property('string', 'Region'), count: property('integer', 'Count'), dry: property('boolean', 'Dry'),
    place: { type: 'object', properties: { city: property('string', 'City') } },
  }),
  tool('twice', { a: property('string', 'Same'), b: property('string', 'same') }),
  tool('injected', { a: property('string', 'A\r\nX: 1') }),
  tool('password', { password: property('string', 'Password') }),
  tool('list', { a: { type: 'array', items: property('string', 'Item') } }),
];

const ARGUMENTS = { region: 'größer, "x"\r\nX-Admin: 1', count: -42, dry: false, place: { city: ' Paris' } };
const FIELDS = {
  'mcp-param-region': `=?base64?${Buffer.from(ARGUMENTS.region).toString('base64')}?=`,
  'mcp-param-count': '-42',
  'mcp-param-dry': 'false',
  'mcp-param-city': `=?base64?${Buffer.from(' Paris').toString('base64')}?=`,
};

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    counting: { tools: TOOLS },
    // Legacy clients would meet it in their own era, which has no such fields.
    config: ({ counting }) => ({ servers: [{ name: 'counting', url: counting.url, trust: 'internal', revision: MODERN }] }),
  });
  await bench.warm('counting', 'read_report');
});
after(() => bench?.stop());

/** The fields of parameters that came with the last call to the server behind. */
function arrived() {
  const at = bench.counting.messages.findLastIndex(({ method }) => method === 'tools/call');
  const fields = Object.entries(bench.counting.fields[at]).filter(([name]) => name.startsWith('mcp-param-'));
  return [bench.counting.messages[at].params.arguments, Object.fromEntries(fields)];
}

for (const [era, connect] of [['legacy', connectLegacy], ['modern', connectModern]]) {
  for (const path of ['servers/counting/mcp', 'mcp']) {
    test(`the ${era} client calls at /${path}`, async () => {
      const client = await connect(`${bench.gateway.origin}/${path}`, bench.token);
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map(({ name }) => name.replace('counting__', '')), ['read_report']);
      assert.equal(resultText(await client.callTool({ name: tools[0].name, arguments: ARGUMENTS })), 'read_report');
      assert.deepEqual(arrived(), [ARGUMENTS, FIELDS]);
      assert.equal(resultText(await client.callTool({ name: tools[0].name, arguments: {} })), 'read_report');
      assert.deepEqual(arrived(), [{}, {}]);
      await client.close();
    });
  }
}

function callWith(arguments_, ...fields) {
  const request = modernRequest('tools/call', { name: 'read_report', arguments: arguments_ });
  return { ...request, headers: [...request.headers, ...fields] };
}

test('fields that the tool does not name go no further', async () => {
  const request = callWith({ region: 'eu' }, ['MCP-PARAM-REGION', 'eu'], ['Mcp-Param-Other', 'x'], ['Mcp-Param-City', '']);
  const { answer } = await bench.refused(() => rawRequest(bench.serverUrl('counting'), request, bench.token));
  assert.equal(answer.status, 400); // an empty field for an argument that is not there
  request.headers.pop();
  assert.equal((await rawRequest(bench.serverUrl('counting'), request, bench.token)).status, 200);
  assert.deepEqual(arrived(), [{ region: 'eu' }, { 'mcp-param-region': 'eu' }]);
});

const DISAGREEING = {
  'another text': callWith({ region: 'eu' }, ['Mcp-Param-Region', 'us']),
  'another case': callWith({ region: 'eu' }, ['Mcp-Param-Region', 'EU']),
  'no field': callWith({ region: 'eu' }),
  'no argument': callWith({}, ['Mcp-Param-Region', 'eu']),
  'null for an argument': callWith({ region: null }, ['Mcp-Param-Region', 'null']),
  'the same field twice': callWith({ region: 'eu' }, ['Mcp-Param-Region', 'eu'], ['mcp-param-region', 'eu']),
  'a list in one field': callWith({ region: 'eu' }, ['Mcp-Param-Region', 'eu, us']),
  'odd base64': callWith({ region: 'eu' }, ['Mcp-Param-Region', '=?base64?ZXU?=']),
  'another number': callWith({ count: 42 }, ['Mcp-Param-Count', '420e-1']),
  'a number that no peer holds': callWith({ count: 42 }, ['Mcp-Param-Count', '42.00000000000000000001']),
  'another truth': callWith({ dry: false }, ['Mcp-Param-Dry', 'FALSE']),
  'one of two': callWith({ region: 'eu', count: 1 }, ['Mcp-Param-Region', 'eu']),
  'at another depth': callWith({ city: 'x' }, ['Mcp-Param-City', 'x']),
};

test('what disagrees is refused', async (t) => {
  const rows = Object.entries(DISAGREEING);
  const outcomes = await bench.refusedAll(rows.map(([, request]) => () => rawRequest(bench.serverUrl('counting'), request, bench.token)));
  for (const [i, [name]] of rows.entries()) {
    await t.test(name, () => {
      const { answer, record } = outcomes[i];
      assert.equal(answer.status, 400);
      assert.equal(answer.messages[0].error.code, -32020);
      assert.equal(answer.messages[0].id, 1);
      assert.deepEqual([record.type, record.code, record.target], ['wire.reject', 'mcp.header', 'counting.read_report']);
    });
  }
});

test('a tool whose fields break a rule cannot be called', async () => {
  for (const name of ['twice', 'injected', 'password', 'list']) {
    const { answer, record } = await bench.refused(() => rawRequest(bench.serverUrl('counting'), modernCall(name), bench.token));
    assert.equal(answer.messages[0].error.code, -32602);
    assert.deepEqual([record.type, record.code], ['authz.deny', 'tool.fields']);
  }
});
