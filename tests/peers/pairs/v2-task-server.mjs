// Tasks on the official SDK, version 2, in both eras at one address. It has the types of tasks of 2025-11-25 and nothing
// that runs them, and of the extension neither: its server answers them through handlers with schemas of ours, and calls
// through that for what has no handler, since one of `tools/call` may only give a result.
import { randomUUID } from 'node:crypto';

import { Server, createMcpHandler } from '@modelcontextprotocol/server';
import { z } from 'zod';

import { serve } from '../v2-serving.mjs';
import { FORM, text } from './shared.mjs';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const TTL_MS = 60000;
const POLL_MS = 20;
const params = z.looseObject({});
const QUESTION = { method: 'elicitation/create', params: { mode: 'form', message: 'who?', requestedSchema: FORM } };
const TOOLS = ['ask_user', 'forever'].map((name) => ({ name, inputSchema: { type: 'object' }, execution: { taskSupport: 'optional' } }));

const tasks = new Map();

function begin({ name }) {
  const now = new Date().toISOString();
  const task = { taskId: randomUUID(), createdAt: now, lastUpdatedAt: now };
  tasks.set(task.taskId, { task, status: name === 'ask_user' ? 'input_required' : 'working' });
  return { ...task, status: 'working' };
}

const keptOf = ({ taskId }) => tasks.get(taskId);

function answered(kept, answer) {
  Object.assign(kept, { status: 'completed', result: text(JSON.stringify(answer)) });
}

const legacyState = (task) => ({ ...task, ttl: TTL_MS, pollInterval: POLL_MS });
const legacyStateOf = ({ task, status }) => legacyState({ ...task, status });

const modernState = (task) => ({ ...task, ttlMs: TTL_MS, pollIntervalMs: POLL_MS });

function modernStateOf({ task, status, result }) {
  const more = status === 'input_required' ? { inputRequests: { who: QUESTION } } : result === undefined ? {} : { result };
  return { ...modernState({ ...task, status }), ...more };
}

/** call: what `tools/call` gives; handlers: of the other methods. */
function newServer(capabilities, call, handlers) {
  const server = new Server({ name: 'tasks', version: '1.0.0' }, { capabilities: { tools: {}, ...capabilities } });
  server.setRequestHandler('tools/list', () => ({ tools: TOOLS }));
  server.fallbackRequestHandler = async ({ method, params: asked }) => {
    if (method !== 'tools/call') throw new Error(`no handler of ${method}`);
    return call(asked);
  };
  for (const [method, handle] of Object.entries(handlers)) server.setRequestHandler(method, { params }, handle);
  return server;
}

function newLegacy() {
  return newServer({ tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }, (call) => ({ task: legacyState(begin(call)) }), {
    'tasks/get': (asked) => legacyStateOf(keptOf(asked)),
    'tasks/result': async (asked, { mcpReq }) => {
      const kept = keptOf(asked);
      const _meta = { 'io.modelcontextprotocol/related-task': { taskId: asked.taskId } };
      answered(kept, await mcpReq.send({ ...QUESTION, params: { ...QUESTION.params, _meta } }));
      return { ...kept.result, _meta };
    },
    'tasks/cancel': (asked) => legacyStateOf(Object.assign(keptOf(asked), { status: 'cancelled' })),
  });
}

const modern = createMcpHandler(() => newServer({ extensions: { [EXTENSION]: {} } }, (call) => ({ resultType: 'task', ...modernState(begin(call)) }), {
  'tasks/get': (asked) => modernStateOf(keptOf(asked)),
  'tasks/update': (asked, { mcpReq }) => {
    answered(keptOf(asked), mcpReq.inputResponses.who);
    return {};
  },
  'tasks/cancel': (asked) => {
    keptOf(asked).status = 'cancelled';
    return {};
  },
}), { legacy: 'reject' });

serve(newLegacy, modern);
