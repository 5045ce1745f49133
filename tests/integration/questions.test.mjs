// What servers ask of the official client, judged by the example policies: what passes, and every refusal seen from three
// sides: what the client got, what reached the server, and its one record.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { ASKING_TOOL, FREE_TOOLS } from '../peers/answers.mjs';
import { CountingServer } from '../peers/counting-server.mjs';
import {
  auditRecords, connectModern, lastSequence, listeningUrl, mintToken, peersFolder, resultText, rootFolder, writeFile,
} from '../peers/support.mjs';
import { Bench, MODERN, MODERN_META, modernRequest, rawRequest } from './helpers.mjs';

const CALLS = '@id("test.calls") permit (principal, action in Aegis::Action::"tools/call", resource);';
const CAPABILITIES = { sampling: {}, roots: {}, elicitation: { form: {}, url: {} } };
const TOOLS = [...FREE_TOOLS, ASKING_TOOL];
const schema = { type: 'object', properties: { env: { type: 'string' } }, required: ['env'] };
const FORM = { method: 'elicitation/create', params: { mode: 'form', message: 'Which env?', requestedSchema: schema } };
const SECRET = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'One more', requestedSchema: { type: 'object', properties: { apiKey: { type: 'string' } } } },
};
const ROOTS = { method: 'roots/list' };
const page = (url) => ({ method: 'elicitation/create', params: { mode: 'url', message: 'Sign in', url } });
const sampling = (maxTokens) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens, includeContext: 'allServers' },
});
const SAMPLED = { role: 'assistant', content: { type: 'text', text: 'yes' }, model: 'small' };
const LOCAL = [{ uri: 'file:///home/alice/%70roject', name: 'project' }, { uri: 'file:///srv/data' }];

const sdkServer = path.join(peersFolder, 'sdk-asking-server.mjs');

let bench, outside, asked;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    counting: { tools: TOOLS },
    more: async ({ processes }) => {
      outside = await new CountingServer({ tools: TOOLS }).start();
      const command = [process.execPath, path.join(peersFolder, 'stdio-server.mjs'), 'modern'];
      return [
        { name: 'outside', url: outside.url, trust: 'third-party' },
        { name: 'child', command, revision: MODERN, trust: 'internal' },
        { name: 'sdk', url: await listeningUrl(processes.start(process.execPath, [sdkServer])), trust: 'partner' },
        { name: 'sdk-child', command: [process.execPath, sdkServer, 'stdio'], revision: MODERN, trust: 'third-party' },
      ];
    },
    config: async ({ folder }) => {
      await writeFile(path.join(folder, 'policies/calls.cedar'), CALLS);
      return { policies: [path.join(folder, 'policies'), path.join(rootFolder, 'packaging/policies/examples')] };
    },
  });
  await bench.warm('counting', 'read_report');
});
after(async () => {
  await bench?.stop();
  await outside?.stop();
});

/** The client, which keeps in `asked` what it was asked. */
function connect(url, token = bench.token) {
  const answer = (result) => async (request) => {
    asked.push(request);
    return result;
  };
  asked = [];
  return connectModern(url, token, {
    capabilities: CAPABILITIES,
    prepare: (client) => {
      client.setRequestHandler('elicitation/create', answer({ action: 'accept', content: { env: 'test' } }));
      client.setRequestHandler('sampling/createMessage', answer(SAMPLED));
      client.setRequestHandler('roots/list', answer({ roots: LOCAL }));
    },
  });
}

/** Calls the tool that asks; returns what it got, or its refusal, and the records but for intents and outcomes. */
async function ask(server, questions, state, target = bench.serverUrl(server)) {
  const client = await connect(target);
  const sequence = await lastSequence(bench.state);
  const name = target.includes('/servers/') ? 'ask' : `${server}__ask`;
  const result = await client.callTool({ name, arguments: { questions, ...(state === undefined ? {} : { state }) } });
  await client.close();
  const records = (await auditRecords(bench.state, sequence)).filter(({ phase, primitive }) => phase === 'event' && primitive !== 'lifecycle');
  return { result, got: result.isError === true ? undefined : JSON.parse(resultText(result)), records };
}

const denied = (records) => records.filter(({ decision }) => decision === 'deny');

for (const server of ['counting', 'child']) {
  test(`${server} asks and is answered`, async () => {
    const { got, records } = await ask(server, { a: FORM, b: sampling(100), c: ROOTS }, 'its "own" state');
    assert.deepEqual(got.inputResponses.a, { action: 'accept', content: { env: 'test' } });
    assert.deepEqual(got.inputResponses.b, SAMPLED);
    assert.deepEqual(got.inputResponses.c, { roots: [{ uri: 'file:///home/alice/project', name: 'project' }, LOCAL[1]] });
    assert.equal(got.requestState, 'its "own" state');
    assert.equal(asked.length, 3);
    assert.equal(asked.find(({ method }) => method.startsWith('sampling')).params.includeContext, 'none');
    assert.deepEqual(denied(records), []);
    assert.deepEqual(records.map(({ direction }) => direction).sort(), ['client', 'client', 'client', 'server', 'server', 'server']);
  });
}

for (const [server, roots] of [['sdk', [{ uri: 'file:///home/alice/project', name: 'project' }, LOCAL[1]]], ['sdk-child', []]]) {
  test(`the official server ${server} asks and is answered`, async () => {
    const client = await connect(bench.serverUrl(server));
    const result = await client.callTool({ name: 'deploy', arguments: {} });
    await client.close();
    const { inputResponses, state } = JSON.parse(resultText(result));
    assert.deepEqual(inputResponses, { env: { action: 'accept', content: { env: 'test' } }, dirs: { roots } });
    assert.equal(state, 'round "1"');
    assert.deepEqual(asked.map(({ method }) => method).sort(), ['elicitation/create', 'roots/list']);
  });
}

test('on /mcp the person is told who asks', async () => {
  await ask('counting', { a: FORM }, undefined, bench.gateway.url);
  assert.equal(asked[0].params.message, 'counting: Which env?');
});

test('a third party is not offered models', async () => {
  await ask('outside', { a: FORM });
  const call = outside.messages.findLast(({ method }) => method === 'tools/call');
  assert.deepEqual(call.params._meta['io.modelcontextprotocol/clientCapabilities'], { roots: {}, elicitation: { form: {}, url: {} } });
});

test('local files are stripped before a third party', async () => {
  const { got, records } = await ask('outside', { a: ROOTS });
  assert.deepEqual(got.inputResponses, { a: { roots: [] } });
  assert.deepEqual(denied(records).map(({ target, policies }) => [target, policies]), [
    ['file:///home/alice/project', ['examples.roots.local']], ['file:///srv/data', ['examples.roots.local']],
  ]);
});

// Refused for the client: it hears nothing, the server gets its no, and there is one record.
for (const [name, question, code] of [
  ['a page at an unknown host', page('https://login.example.com.evil.example/'), 'policy_denied'],
  ['a page without encryption', page('http://login.example.com/'), 'question.url'],
  ['a page that hides its host', page('https://login.example.com@evil.example/'), 'resource.uri'],
  ['a form that asks for a secret', SECRET, 'form.secret'],
]) {
  test(`${name} is declined`, async () => {
    const { got, records } = await ask('counting', { a: question }, 'kept');
    assert.deepEqual(got, { inputResponses: { a: { action: 'decline' } }, requestState: 'kept' });
    assert.deepEqual(asked, []);
    assert.deepEqual(records.map(({ code: found, direction, primitive }) => [found, direction, primitive]), [[code, 'server', 'elicitation']]);
  });
}

test('a page at a known host is opened', async () => {
  const { got } = await ask('counting', { a: page('https://LOGIN.example.com/in') });
  assert.equal(asked[0].params.url, 'https://login.example.com/in');
  assert.deepEqual(got.inputResponses, { a: { action: 'accept' } });
});

for (const [server, maxTokens] of [['counting', 5000], ['outside', 100]]) {
  test(`sampling of ${maxTokens} tokens for ${server} ends the call`, async () => {
    const peer = server === 'outside' ? outside : bench.counting;
    const before = peer.messages.filter(({ method }) => method === 'tools/call').length;
    const { result, records } = await ask(server, { a: sampling(maxTokens), b: FORM });
    assert.equal(result.isError, true);
    assert.match(resultText(result), /not let through/);
    assert.deepEqual(asked, []);
    assert.equal(peer.messages.filter(({ method }) => method === 'tools/call').length, before + 1);
    assert.deepEqual(records.map(({ code, primitive, target }) => [code, primitive, target]), [['policy_denied', 'sampling', server]]);
  });
}

/** A round by hand. */
const meta = { ...MODERN_META, 'io.modelcontextprotocol/clientCapabilities': CAPABILITIES };
const round = (more, { name = 'ask', questions = { a: FORM } } = {}) =>
  modernRequest('tools/call', { name, arguments: { questions }, ...more }, { meta });
const forge = (state) => `${state.slice(0, 20)}${state[20] === 'A' ? 'B' : 'A'}${state.slice(21)}`;
const ANSWER = { a: { action: 'accept', content: { env: 'test' } } };

test('a state is good for its own call alone', async (t) => {
  const url = bench.serverUrl('counting');
  const first = await rawRequest(url, round({}), bench.token);
  const { requestState, inputRequests } = first.messages[0].result;
  assert.deepEqual(inputRequests, { a: FORM });
  const bob = await mintToken(bench.state, { subject: 'bob' });
  await bench.warm('counting', 'read_report', {}, bob);
  const answered = { inputResponses: ANSWER, requestState };
  const rows = {
    forged: [url, round({ ...answered, requestState: forge(requestState) }), bench.token],
    'not ours': [url, round({ ...answered, requestState: 'own' }), bench.token],
    'of another caller': [url, round(answered), bob],
    'of another tool': [url, round(answered, { name: 'read_report' }), bench.token],
    'of other arguments': [url, round(answered, { questions: {} }), bench.token],
    'an answer that does not fit': [url, round({ ...answered, inputResponses: { a: { action: 'accept', content: {} } } }), bench.token],
    'answers that are no object': [url, round({ inputResponses: [] }), bench.token],
  };
  const outcomes = await bench.refusedAll(Object.values(rows).map(([at, request, token]) => () => rawRequest(at, request, token)));
  const codes = ['state.unknown', 'state.unknown', 'state.unknown', 'state.unknown', 'state.unknown', 'form.content', 'mcp.params'];
  for (const [i, name] of Object.keys(rows).entries()) {
    await t.test(name, () => {
      assert.equal(outcomes[i].answer.messages[0].error.code, -32602);
      assert.deepEqual([outcomes[i].record.type, outcomes[i].record.code], ['authz.deny', codes[i]]);
    });
  }
  const last = await rawRequest(url, round(answered), bench.token);
  assert.deepEqual(JSON.parse(resultText(last.messages[0].result)).inputResponses, ANSWER);
});

test('answers that nobody asked for reach no server', async () => {
  const sequence = await lastSequence(bench.state);
  const { messages } = await rawRequest(bench.serverUrl('counting'), round({ inputResponses: { z: { roots: LOCAL } } }), bench.token);
  assert.equal(messages[0].result.resultType, 'input_required');
  assert.equal(bench.counting.messages.findLast(({ method }) => method === 'tools/call').params.inputResponses, undefined);
  const records = denied(await auditRecords(bench.state, sequence));
  assert.deepEqual(records.map(({ code, direction }) => [code, direction]), [['question.unsolicited', 'client']]);
});
