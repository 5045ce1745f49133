// What the gateway says itself, and what it makes of a server's answers, against the published schema of each revision.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { schemaOf } from '../peers/schema.mjs';
import { Bench, MODERN, MODERN_META, legacyRequest, modernRequest, rawRequest } from './helpers.mjs';

const NO_METHOD = -32601;
const WITH_BATCHES = '2025-03-26';
const LEGACY = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const schemas = new Map(await Promise.all([...LEGACY, MODERN].map(async (revision) => [revision, await schemaOf(revision)])));

/** Requests of both eras, and what their answers must be: a result of a definition, or an error with a code. */
const ROWS = [
  { method: 'tools/list', result: 'ListToolsResult', list: 'tools' },
  { method: 'resources/list', result: 'ListResourcesResult', list: 'resources' },
  { method: 'resources/templates/list', result: 'ListResourceTemplatesResult', list: 'resourceTemplates' },
  { method: 'prompts/list', result: 'ListPromptsResult', list: 'prompts' },
  { method: 'tools/call', params: { name: 'read_report', arguments: {} }, result: 'CallToolResult' },
  { method: 'tools/call', params: { name: 'forbidden', arguments: {} }, result: 'CallToolResult', name: 'a denied tool' },
  { method: 'resources/read', params: { uri: 'note://peer/open' }, result: 'ReadResourceResult' },
  { method: 'prompts/get', params: { name: 'greet', arguments: { whom: 'you' } }, result: 'GetPromptResult' },
  { method: 'resources/read', params: { uri: 'note://peer/closed' }, error: 40301, name: 'a denied resource' },
  { method: 'resources/read', params: { uri: 'note://peer/../x' }, error: 40304, name: 'an odd address' },
  { method: 'prompts/get', params: { name: 'closed' }, error: 40301, name: 'a denied prompt' },
  { method: 'tools/call', params: { name: 'nothing', arguments: {} }, error: -32602, name: 'an unknown tool' },
  { method: 'tools/call', params: { name: 'read_report', arguments: [] }, error: -32602, name: 'odd arguments' },
  { method: 'tools/list', params: { cursor: 'x' }, error: -32602, name: 'an unknown cursor' },
  { method: 'resources/subscribe', params: { uri: 'note://peer/open' }, error: NO_METHOD },
  { method: 'resources/unsubscribe', params: { uri: 'note://peer/open' }, error: NO_METHOD },
  { method: 'tasks/list', error: NO_METHOD },
  { method: 'nothing/here', error: NO_METHOD },
];

let bench;
before(async () => {
  bench = await Bench.start({ hasRealServers: false });
});
after(() => bench?.stop());

function judge(revision, { method, result, error, list }, { status, headers, messages }) {
  const schema = schemas.get(revision);
  assert.equal(messages.length, 1, `HTTP ${status}`);
  const [message] = messages;
  assert.match(headers.get('content-type'), /^application\/json/);
  const envelope = ['JSONRPCErrorResponse', 'JSONRPCError'].find(schema.has);
  if (error !== undefined) {
    assert.equal(message.error?.code, error, JSON.stringify(message));
    assert.deepEqual(schema.problems(envelope, message), []);
    return;
  }
  assert.ok(message.result, JSON.stringify(message));
  assert.deepEqual(schema.problems(schema.has('JSONRPCResultResponse') ? 'JSONRPCResultResponse' : 'JSONRPCResponse', message), []);
  assert.deepEqual(schema.problems(result, message.result), [], method);
  if (list !== undefined) assert.ok(message.result[list].length > 0, `${list} are listed`);
  if (revision === MODERN && schema.problems(result, { ...message.result, cacheScope: 1 }).length > 0) {
    assert.equal(message.result.cacheScope, 'private');
  }
}

/** What is refused by its method reaches nobody and is recorded by its name. */
async function judgeRow(revision, row, send) {
  if (row.error !== NO_METHOD) {
    judge(revision, row, await send());
    return;
  }
  const { answer, record } = await bench.refused(send);
  judge(revision, row, answer);
  assert.equal(record.type, 'wire.reject');
  // A method that we have, and the server has not, is known by its name.
  const named = record.code === 'mcp.capability' ? record.method : record.reason;
  assert.ok(['mcp.method', 'mcp.capability'].includes(record.code), record.code);
  assert.match(named, new RegExp(row.method));
}

const title = ({ name, method }) => (name === undefined ? method : `${method} of ${name}`);

for (const revision of LEGACY) {
  describe(`revision ${revision}`, { skip: schemas.get(revision) === undefined && 'the schemas are absent; set AEGIS_SHARED' }, () => {
    const initialize = legacyRequest('initialize', { protocolVersion: revision, capabilities: {}, clientInfo: { name: 't', version: '1' } });
    let session;
    const send = (method, params, options) => rawRequest(
      bench.serverUrl('counting'), legacyRequest(method, params, { session, version: revision, ...options }), bench.token);
    before(async () => {
      const answer = await rawRequest(bench.serverUrl('counting'), initialize, bench.token);
      judge(revision, { method: 'initialize', result: 'InitializeResult' }, answer);
      assert.equal(answer.messages[0].result.protocolVersion, revision);
      session = answer.headers.get('mcp-session-id');
      const { status, body } = await send('notifications/initialized', undefined, { id: null });
      assert.equal(status, 202);
      assert.equal(body.length, 0);
    });

    test('ping', async () => judge(revision, { method: 'ping', result: 'EmptyResult' }, await send('ping')));
    for (const row of ROWS) test(title(row), () => judgeRow(revision, row, () => send(row.method, row.params)));
    test('several messages at once', async () => {
      const one = (method, params, id) => JSON.parse(legacyRequest(method, params, { id }).body);
      const batch = [
        one('ping', {}, 1), one('tools/call', { name: 'read_report', arguments: {} }, 'two'),
        one('tools/call', { name: 'forbidden', arguments: {} }, 3), one('notifications/initialized', undefined, null),
        one('initialize', { protocolVersion: revision, capabilities: {}, clientInfo: { name: 't', version: '1' } }, 4),
      ];
      const request = { ...legacyRequest('ping', {}, { session, version: revision }), body: Buffer.from(JSON.stringify(batch)) };
      const { status, messages: [answers] } = await rawRequest(bench.serverUrl('counting'), request, bench.token);
      if (revision !== WITH_BATCHES) {
        assert.equal(status, 400);
        assert.equal(answers.error.code, -32600);
        return;
      }
      assert.equal(status, 200);
      assert.deepEqual(schemas.get(revision).problems('JSONRPCBatchResponse', answers), []);
      const byId = new Map(answers.map((answer) => [answer.id, answer]));
      assert.deepEqual([...byId.keys()].sort(), [1, 3, 4, 'two']);
      assert.deepEqual(byId.get(1).result, {});
      assert.deepEqual([byId.get('two').result.isError, byId.get(3).result.isError], [undefined, true]);
      assert.equal(byId.get(4).error.code, -32600);
    });

    test('a session of nobody', async () => judge(revision, { error: -32600 }, await send('ping', undefined, { session: 'x' })));
  });
}

describe(`revision ${MODERN}`, { skip: schemas.get(MODERN) === undefined && 'the schemas are absent; set AEGIS_SHARED' }, () => {
  const send = (method, params, options) => rawRequest(bench.serverUrl('counting'), modernRequest(method, params, options), bench.token);

  test('server/discover', async () => judge(MODERN, { method: 'server/discover', result: 'DiscoverResult' }, await send('server/discover')));
  for (const row of ROWS) test(title(row), () => judgeRow(MODERN, row, () => send(row.method, row.params)));

  test('a version that is not spoken', async () => {
    const meta = { ...MODERN_META, 'io.modelcontextprotocol/protocolVersion': '2031-01-01' };
    const { status, messages: [message] } = await send('tools/list', {}, { meta });
    assert.equal(status, 400);
    assert.deepEqual(schemas.get(MODERN).problems('UnsupportedProtocolVersionError', message), []);
  });

  test('no JSON', async () => {
    const { messages: [message] } = await rawRequest(
      bench.serverUrl('counting'), { ...modernRequest('tools/list'), body: Buffer.from('{') }, bench.token);
    assert.equal(message.error.code, -32700);
    assert.deepEqual(schemas.get(MODERN).problems('JSONRPCErrorResponse', message), []);
  });

  test('header fields of another request', async () => {
    const request = modernRequest('tools/list');
    const headers = request.headers.map(([name, value]) => [name, name === 'Mcp-Method' ? 'tools/call' : value]);
    const { status, messages: [message] } = await rawRequest(bench.serverUrl('counting'), { ...request, headers }, bench.token);
    assert.equal(status, 400);
    assert.equal(message.error.code, -32020);
    assert.deepEqual(schemas.get(MODERN).problems('HeaderMismatchError', message), []);
  });
});
