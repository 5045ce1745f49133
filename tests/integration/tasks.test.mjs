// Calls that go on after their answer, through the gateway: tasks of MCP 2025-11-25 between the official client and the
// official server, tasks of the extension of 2026-07-28 at the fixture of the conformance suite.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { CallToolResultSchema, connectAnswering } from '../peers/answering-client.mjs';
import { auditRecords, lastSequence, listeningUrl, mintToken, peersFolder, resultText, rootFolder } from '../peers/support.mjs';
import { connectModernWaiting, connectWaiting } from '../peers/listening-client.mjs';
import { Bench, MODERN, MODERN_META, modernRequest, rawRequest } from './helpers.mjs';

const TASKS = 'io.modelcontextprotocol/tasks';
const UNKNOWN = -32602;
const PATIENCE_MS = 60000;
const AS_TASK = { task: { ttl: 60000 } };

let bench, bob;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes }) => {
      const url = await listeningUrl(processes.start(process.execPath, [path.join(peersFolder, 'task-server.mjs')]));
      const fixture = await listeningUrl(processes.start(process.execPath, [path.join(rootFolder, 'tests/fixtures/conformance-server.ts')]));
      return [
        { name: 'tasks', url, trust: 'internal' },
        { name: 'guarded', url, trust: 'internal' },
        { name: 'modern', url: fixture, revision: MODERN, trust: 'internal', extensions: [TASKS] },
        { name: 'unlisted', url: fixture, revision: MODERN, trust: 'internal' },
      ];
    },
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-tasks')] },
  });
  bob = await mintToken(bench.state, { subject: 'bob' });
});
after(() => bench?.stop());

const connect = (url, token = bench.token) => connectAnswering(url, token, 'ann', { elicitation: {} });

/** Calls a tool as a task and follows it to its end: what the client heard on the way. */
async function follow(client, name) {
  const heard = [];
  for await (const message of client.experimental.tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, AS_TASK)) heard.push(message);
  return heard;
}

/** The methods and decisions of the records with a target, in their order, without what repeats. */
async function judged(target, sequence) {
  const records = (await auditRecords(bench.state, sequence)).filter((record) => record.target === target && record.phase === 'intent');
  return [...new Set(records.map(({ method, decision }) => `${method} ${decision}`))];
}

async function begin(client, name) {
  const { value } = await client.experimental.tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, AS_TASK).next();
  assert.equal(value.type, 'taskCreated');
  return value.task.taskId;
}

const isUnknown = (promise) => assert.rejects(promise, { code: UNKNOWN });

describe('a task of MCP 2025-11-25', () => {
  let client, everywhere;
  before(async () => {
    client = await connect(bench.serverUrl('tasks'));
    everywhere = await connect(bench.gateway.url);
  });
  after(() => Promise.all([client?.close(), everywhere?.close()]));

  test('is offered where a server makes them', async () => {
    assert.deepEqual(client.getServerCapabilities().tasks, { list: {}, cancel: {}, requests: { tools: { call: {} } } });
    const other = await connect(bench.serverUrl('modern'));
    assert.equal(other.getServerCapabilities().tasks, undefined);
    await other.close();
  });

  test('gives its result, and each look at it is recorded as one at the tool', async () => {
    const sequence = await lastSequence(bench.state);
    const heard = await follow(client, 'later');
    assert.match(heard[0].task.taskId, /^task1\./);
    assert.equal(resultText(heard.at(-1).result), 'done');
    assert.equal(heard.at(-1).result._meta['io.modelcontextprotocol/related-task'].taskId, heard[0].task.taskId);
    assert.deepEqual(await judged('tasks.later', sequence), ['tools/call allow', 'tasks/get allow', 'tasks/result allow']);
  });

  test('asks while it runs', async () => {
    const heard = await follow(client, 'ask_user');
    assert.deepEqual(JSON.parse(resultText(heard.at(-1).result)), { action: 'accept', content: { name: 'ann' } });
    assert.equal(client.asked.length, 1);
  });

  test('is listed to its session, cancelled, and then over', async () => {
    const id = await begin(client, 'forever');
    const listed = await client.experimental.tasks.listTasks();
    assert.equal(listed.tasks.filter(({ taskId }) => taskId === id).length, 1);
    assert.equal((await client.experimental.tasks.cancelTask(id)).status, 'cancelled');
    assert.equal((await client.experimental.tasks.getTask(id)).status, 'cancelled');
    await isUnknown(client.experimental.tasks.cancelTask(id));
    const other = await connect(bench.serverUrl('tasks'));
    assert.deepEqual((await other.experimental.tasks.listTasks()).tasks, []);
    await other.close();
  });

  test('belongs to its server on the endpoint of all', async () => {
    const heard = await follow(everywhere, 'tasks__later');
    assert.equal(resultText(heard.at(-1).result), 'done');
    const [{ taskId }] = (await everywhere.experimental.tasks.listTasks()).tasks;
    assert.equal(taskId, heard[0].task.taskId);
  });

  test('tells its session of its states, under the id that the client has', { timeout: PATIENCE_MS }, async () => {
    for (const [url, tool] of [[bench.serverUrl('tasks'), 'later'], [bench.gateway.url, 'tasks__later']]) {
      const waiting = await bench.connectWith(connectWaiting, url, bench.token, 'ann');
      const stranger = await bench.connectWith(connectWaiting, url, bench.token, 'ann');
      const id = await begin(waiting, tool);
      const [state] = await waiting.states.until(1);
      assert.deepEqual([state.taskId, state.status], [id, 'completed']);
      // Whoever asks for the other session's task after that has heard nothing meanwhile.
      await stranger.listTools();
      assert.deepEqual(stranger.states.all, []);
      await Promise.all([waiting.close(), stranger.close()]);
    }
  });

  test('is nobody else\'s, and nothing on another endpoint', async () => {
    const id = await begin(client, 'later');
    const stranger = await connect(bench.serverUrl('tasks'), bob);
    const elsewhere = await connect(bench.serverUrl('guarded'));
    const sequence = await lastSequence(bench.state);
    for (const other of [stranger, elsewhere]) {
      await isUnknown(other.experimental.tasks.getTask(id));
      await isUnknown(other.experimental.tasks.getTaskResult(id, CallToolResultSchema));
      await isUnknown(other.experimental.tasks.cancelTask(id));
    }
    const records = (await auditRecords(bench.state, sequence)).filter(({ code }) => code === 'task.unknown');
    assert.deepEqual(records.map(({ decision, subject }) => `${subject} ${decision}`), [...Array(3).fill('bob deny'), ...Array(3).fill('alice deny')]);
    assert.equal((await auditRecords(bench.state)).filter((record) => JSON.stringify(record).includes(id)).length, 0);
    await Promise.all([stranger.close(), elsewhere.close()]);
  });

  test('asks nothing, and does not begin, where the policies say so', async () => {
    const guarded = await connect(bench.serverUrl('guarded'));
    const refused = await follow(guarded, 'ask_user');
    assert.match(JSON.stringify(refused.at(-1)), /decline|-32601|does not support/);
    assert.deepEqual(guarded.asked, []);
    const denied = await guarded.request(
      { method: 'tools/call', params: { name: 'forever', arguments: {}, task: {} } }, CallToolResultSchema,
    );
    assert.match(resultText(denied), /nothing goes on for ever here/);
    await guarded.close();
  });
});

describe('a task of the extension', () => {
  const meta = (capabilities) => ({ ...MODERN_META, 'io.modelcontextprotocol/clientCapabilities': capabilities });
  const WITH = meta({ extensions: { [TASKS]: {} }, elicitation: {} });

  async function post(server, method, params, { token = bench.token, with: envelope = WITH } = {}) {
    const request = modernRequest(method, params, { meta: envelope });
    if (params.taskId !== undefined) request.headers.push(['Mcp-Name', params.taskId]);
    const { status, messages } = await rawRequest(server === undefined ? bench.gateway.url : bench.serverUrl(server), request, token);
    return { status, ...messages[0] };
  }

  async function beginModern(server, name, tool = name) {
    const { result } = await post(server, 'tools/call', { name: tool, arguments: name === 'confirm_delete' ? { filename: 'a' } : {} });
    assert.equal(result.resultType, 'task');
    assert.match(result.taskId, /^task1\./);
    return result.taskId;
  }

  async function poll(taskId, wanted, server = 'modern') {
    for (let i = 0; i < 400; i++) {
      const { result } = await post(server, 'tasks/get', { taskId });
      if (wanted.includes(result.status)) return result;
    }
    throw new Error(`the task does not become ${wanted}`);
  }

  test('is offered where the configuration lists it', async () => {
    assert.deepEqual((await post('modern', 'server/discover', {})).result.capabilities.extensions, { [TASKS]: {} });
    assert.equal((await post('unlisted', 'server/discover', {})).result.capabilities.extensions, undefined);
    const sequence = await lastSequence(bench.state);
    assert.deepEqual((await post('unlisted', 'tools/call', { name: 'greet', arguments: { name: 'ann' } })).result.resultType, 'complete');
    const records = (await auditRecords(bench.state, sequence)).filter(({ phase }) => phase === 'intent');
    assert.deepEqual(records.map(({ code }) => code), ['extension.removed']);
  });

  test('asks, is answered and gives its result', async () => {
    const sequence = await lastSequence(bench.state);
    const taskId = await beginModern('modern', 'confirm_delete');
    const asked = await poll(taskId, ['input_required']);
    assert.deepEqual(Object.keys(asked.inputRequests), ['confirm']);
    const answer = { confirm: { action: 'accept', content: { confirm: true } }, other: { action: 'accept' } };
    assert.equal((await post('modern', 'tasks/update', { taskId, inputResponses: answer })).result.resultType, 'complete');
    const { result } = await poll(taskId, ['completed']);
    assert.equal(resultText(result), 'a is deleted.');
    const records = await auditRecords(bench.state, sequence);
    const questions = records.filter(({ method }) => method === 'elicitation/create').map(({ direction, decision }) => `${direction} ${decision}`);
    assert.deepEqual([...new Set(questions)], ['server allow', 'client allow']);
    assert.equal(records.filter(({ code }) => code === 'question.unsolicited').length, 1);
  });

  test('belongs to its server on the endpoint of all', async () => {
    const taskId = await beginModern(undefined, 'failing_job', 'modern__failing_job');
    const { result } = await poll(taskId, ['completed'], undefined);
    assert.equal(result.isError, true);
  });

  test('tells who listens to it, and nobody else', { timeout: PATIENCE_MS }, async () => {
    for (const [server, url, tool] of [
      ['modern', bench.serverUrl('modern'), 'confirm_delete'], [undefined, bench.gateway.url, 'modern__confirm_delete'],
    ]) {
      const { result: { taskId } } = await post(server, 'tools/call', { name: tool, arguments: { filename: 'a' } });
      const other = (await post(server, 'tools/call', { name: tool, arguments: { filename: 'b' } })).result.taskId;
      const client = await connectModernWaiting(url, bench.token, TASKS, [taskId]);
      const stranger = await connectModernWaiting(url, bob, TASKS, [taskId]);
      await client.states.until(1);
      const answer = { confirm: { action: 'accept', content: { confirm: true } } };
      for (const id of [other, taskId]) await post(server, 'tasks/update', { taskId: id, inputResponses: answer });
      while (client.states.all.at(-1).status !== 'completed') await client.states.until(client.states.all.length + 1);
      assert.deepEqual([...new Set(client.states.all.map(({ method }) => method))], ['notifications/tasks']);
      assert.deepEqual([...new Set(client.states.all.map((state) => state.taskId))], [taskId]);
      assert.equal(resultText(client.states.all.at(-1).result), 'a is deleted.');
      await stranger.listTools();
      assert.deepEqual(stranger.states.all, []);
      await Promise.all([client.close(), stranger.close()]);
    }
  });

  test('is nobody else\'s, and needs the extension', async () => {
    const taskId = await beginModern('modern', 'failing_job');
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const params = { taskId, inputResponses: {} };
      assert.equal((await post('modern', method, params, { token: bob })).error.code, UNKNOWN);
      assert.equal((await post('unlisted', method, params)).error.code, -32601);
      const without = await post('modern', method, params, { with: meta({}) });
      assert.deepEqual([without.status, without.error.code], [400, -32021]);
    }
  });
});
