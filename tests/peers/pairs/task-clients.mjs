// The pairs' clients of tasks on both versions of the official SDK: one tour of a server that has them, and what was seen
// on it. Version 1 has a runtime for tasks of 2025-11-25; version 2 has none and makes each request by its method.
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { CallToolResultSchema, connectAnswering } from '../answering-client.mjs';
import { connectModern, resultText } from '../support.mjs';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const AS_TASK = { task: { ttl: 60000 } };
const POLL_MS = 20;
const ANSWER = { action: 'accept', content: { name: 'ann' } };
const any = z.looseObject({});

async function connectV1(url, token) {
  const client = await connectAnswering(url, token, 'ann', { elicitation: {} });
  const { tasks } = client.experimental;
  return {
    client,
    offered: client.getServerCapabilities().tasks !== undefined,
    begin: async (name) => {
      const { value } = await tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, AS_TASK).next();
      return value.task.taskId;
    },
    get: (id) => tasks.getTask(id),
    finish: (id) => tasks.getTaskResult(id, CallToolResultSchema),
    cancel: (id) => tasks.cancelTask(id),
  };
}

const prepare = (client) => client.setRequestHandler('elicitation/create', () => ANSWER);

async function connectV2Legacy(url, token) {
  const client = await connectModern(url, token, { capabilities: { elicitation: {} }, prepare, mode: 'legacy' });
  const request = (method, params) => client.request({ method, params }, any);
  return {
    client,
    offered: client.getServerCapabilities().tasks !== undefined,
    begin: async (name) => (await request('tools/call', { name, arguments: {}, ...AS_TASK })).task.taskId,
    get: (taskId) => request('tasks/get', { taskId }),
    finish: (taskId) => request('tasks/result', { taskId }),
    cancel: (taskId) => request('tasks/cancel', { taskId }),
  };
}

async function connectV2Modern(url, token) {
  const capabilities = { elicitation: {}, extensions: { [EXTENSION]: {} } };
  const client = await connectModern(url, token, { capabilities, prepare });
  const request = (method, params) => client.request({ method, params }, any);
  const get = (taskId) => request('tasks/get', { taskId });
  return {
    client,
    offered: client.getServerCapabilities().extensions?.[EXTENSION] !== undefined,
    begin: (name) => beginUnknown(client, () => request('tools/call', { name, arguments: {} })),
    get,
    finish: async (taskId) => {
      for (;; await sleep(POLL_MS)) {
        const { status, inputRequests = {}, result } = await get(taskId);
        if (status === 'completed') return result;
        const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, ANSWER]));
        if (status === 'input_required') await request('tasks/update', { taskId, inputResponses });
      }
    },
    cancel: (taskId) => request('tasks/cancel', { taskId }),
  };
}

/** The SDK takes no result that is a task: its id is read where the transport hands the answer over. */
async function beginUnknown({ transport }, call) {
  const { onmessage } = transport;
  let id;
  transport.onmessage = (message, ...more) => {
    id = message.result?.taskId ?? id;
    onmessage.call(transport, message, ...more);
  };
  await call().catch(() => {});
  transport.onmessage = onmessage;
  return id;
}

export const CONNECT = { v1: connectV1, 'v2-legacy': connectV2Legacy, 'v2-modern': connectV2Modern };

/** What a client sees of two tasks: one that asks, and one that it cancels. prefix: of names at this endpoint. */
export async function tour(connect, url, token, { prefix }) {
  const { client, offered, begin, get, finish, cancel } = await connect(url, token);
  const report = { offered };
  if (offered) {
    const asking = await begin(`${prefix}ask_user`);
    report.answered = JSON.parse(resultText(await finish(asking)));
    const endless = await begin(`${prefix}forever`);
    const before = (await get(endless)).status;
    await cancel(endless);
    report.states = [before, (await get(endless)).status];
    report.sealed = [asking, endless].every((id) => id.startsWith('task1.'));
  }
  await client.close();
  return report;
}
