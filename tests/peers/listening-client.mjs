// A client of the official SDK, version 1, that keeps what servers tell it without being asked.
import {
  ElicitationCompleteNotificationSchema, ElicitRequestSchema, ResourceUpdatedNotificationSchema, TaskStatusNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { connectAnswering } from './answering-client.mjs';
import { connectModern } from './support.mjs';

/** What a client has been told, to be waited for. */
class Told {
  #waiting = [];
  all = [];

  take(value) {
    this.all.push(value);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Until there are so many. */
  async until(count) {
    while (this.all.length < count) await new Promise((resolve) => this.#waiting.push(resolve));
    return this.all;
  }
}

/** `updated` are the addresses of resources that changed, `changed` the lists. */
export async function connectListening(url, token, name) {
  const client = await connectAnswering(url, token, name);
  client.updated = new Told();
  client.changed = new Told();
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => client.updated.take(params.uri));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => client.changed.take('tools'));
  return client;
}

/** One that opens pages: `completed` are the ids of those that it was told are done. */
export async function connectOpening(url, token, name) {
  const client = await connectAnswering(url, token, name, { elicitation: { form: {}, url: {} } });
  client.completed = new Told();
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' }));
  client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => client.completed.take(params.elicitationId));
  return client;
}

/** One that hears of its tasks: `states` are what it was told of them. */
export async function connectWaiting(url, token, name) {
  const client = await connectAnswering(url, token, name, { elicitation: {} });
  client.states = new Told();
  client.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => client.states.take(params));
  return client;
}

/**
 * The same of the second version of the SDK, with an extension that it does not know itself: `states` are what it was
 * told of the tasks that it listens to.
 */
export async function connectModernWaiting(url, token, extension, taskIds) {
  const states = new Told();
  const client = await connectModern(url, token, {
    capabilities: { extensions: { [extension]: {} }, elicitation: {} },
    prepare: (prepared) => {
      prepared.fallbackNotificationHandler = async ({ method, params }) => states.take({ method, ...params });
    },
  });
  return Object.assign(client, { states, subscription: await client.listen({ taskIds }) });
}

/** The same of the second version of the SDK, which listens to what it wishes for: `subscription` is what it got. */
export async function connectModernListening(url, token, filter) {
  const updated = new Told();
  const changed = new Told();
  const client = await connectModern(url, token, {
    prepare: (prepared) => {
      prepared.setNotificationHandler('notifications/resources/updated', ({ params }) => updated.take(params.uri));
      prepared.setNotificationHandler('notifications/tools/list_changed', () => changed.take('tools'));
    },
  });
  return Object.assign(client, { updated, changed, subscription: await client.listen(filter) });
}
