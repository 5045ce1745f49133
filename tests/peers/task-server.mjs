// A server of the official SDK, version 1, whose calls may be tasks: `later` tells when it is done, `ask_user` asks
// meanwhile and tells the answer, `forever` goes on until it is cancelled. Over HTTP; it says where:
// `{"listening":"http://127.0.0.1:PORT/mcp"}`.
import { setTimeout as sleep } from 'node:timers/promises';

import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';

import { serve } from './v1-serving.mjs';

const WORK_MS = 50;
const POLL_MS = 50;
const FORM = { message: 'who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } };
const text = (value) => ({ content: [{ type: 'text', text: value }] });

const WORK = {
  later: async () => {
    await sleep(WORK_MS);
    return text('done');
  },
  ask_user: async (server, { taskId }, taskStore) => {
    await taskStore.updateTaskStatus(taskId, 'input_required');
    const answer = await server.server.request(
      { method: 'elicitation/create', params: FORM }, ElicitResultSchema, { relatedTask: { taskId } },
    );
    await taskStore.updateTaskStatus(taskId, 'working');
    return text(JSON.stringify(answer));
  },
  forever: () => new Promise(() => {}),
};

function newServer() {
  const taskStore = new InMemoryTaskStore();
  const server = new McpServer({ name: 'tasks', version: '1.0.0' }, {
    capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
    taskStore,
    taskMessageQueue: new InMemoryTaskMessageQueue(),
  });
  for (const [name, work] of Object.entries(WORK)) {
    server.experimental.tasks.registerToolTask(name, { description: 'Goes on after its answer.' }, {
      createTask: async ({ taskStore: store, taskRequestedTtl }) => {
        const task = await store.createTask({ ttl: taskRequestedTtl, pollInterval: POLL_MS });
        const result = work(server, task, store).catch((error) => text(String(error)));
        void result.then((value) => store.storeTaskResult(task.taskId, 'completed', value));
        return { task };
      },
      getTask: ({ taskId, taskStore: store }) => store.getTask(taskId),
      getTaskResult: ({ taskId, taskStore: store }) => store.getTaskResult(taskId),
    });
  }
  return server;
}

await serve(newServer);
