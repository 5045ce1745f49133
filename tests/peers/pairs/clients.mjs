// The pairs' clients on both versions of the official SDK: one tour of a server, and what was seen on it.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectLegacy, resultText } from '../support.mjs';

const CAPABILITIES = { sampling: { tools: {} }, elicitation: {}, roots: {} };
const POLLS_MAX = 500;
const POLL_MS = 20;

/** What the model says: what it got of a tool, or that it thinks. */
function thoughtOf({ messages }) {
  const [quoted] = [messages.at(-1).content].flat();
  const said = quoted.type === 'tool_result' ? quoted.content.map(({ resource, text }) => resource?.uri ?? text) : ['ann thinks'];
  return { role: 'assistant', model: 'small', content: { type: 'text', text: said.join() } };
}

const ANSWERS = {
  'sampling/createMessage': thoughtOf,
  'elicitation/create': () => ({ action: 'accept', content: { name: 'ann' } }),
  'roots/list': () => ({ roots: [{ uri: 'file:///home/ann' }] }),
};

/** told: gets the addresses of resources that changed. */
async function connectV1(url, token, told) {
  const client = await connectLegacy(url, token, {
    capabilities: CAPABILITIES,
    prepare: (unconnected, { ResourceUpdatedNotificationSchema, ...schemas }) => {
      for (const name of ['CreateMessageRequestSchema', 'ElicitRequestSchema', 'ListRootsRequestSchema']) {
        unconnected.setRequestHandler(schemas[name], ({ method, params }) => ANSWERS[method](params));
      }
      unconnected.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => told.push(params.uri));
    },
  });
  return {
    client, call: (params, options) => client.callTool(params, undefined, options), subscribe: (uri) => client.subscribeResource({ uri }),
  };
}

async function connectV2(url, token, told, mode) {
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client({ name: 'pair', version: '1.0.0' }, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  for (const [method, answer] of Object.entries(ANSWERS)) client.setRequestHandler(method, ({ params }) => answer(params));
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => told.push(params.uri));
  const headers = { Authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return {
    client,
    call: (params, options) => client.callTool(params, options),
    subscribe: (uri) => (mode === 'legacy' ? client.subscribeResource({ uri }) : client.listen({ resourceSubscriptions: [uri] })),
  };
}

export const CONNECT = {
  v1: connectV1,
  'v2-legacy': (url, token, told) => connectV2(url, token, told, 'legacy'),
  'v2-modern': (url, token, told) => connectV2(url, token, told, { pin: '2026-07-28' }),
};

/** What a tool said, or 'refused'. */
const said = async (result) => {
  const { isError, ...rest } = await result;
  return isError === true ? 'refused' : resultText(rest);
};

/** connect: of CONNECT; server: its name, for its address; prefix: of names at this endpoint. */
export async function tour(connect, url, token, { server, prefix }) {
  const told = [];
  const { client, call, subscribe } = await connect(url, token, told);
  const use = (name, arguments_ = {}, options) => call({ name: `${prefix}${name}`, arguments: arguments_ }, options);
  const progress = [];
  const report = {
    tools: (await client.listTools()).tools.map(({ name }) => name).filter((name) => name.startsWith(prefix)).sort(),
    echo: await said(use('echo', { text: 'é' })),
    text: (await client.readResource({ uri: `pair://${server}/text` })).contents[0].text,
    greeting: (await client.getPrompt({ name: `${prefix}greet`, arguments: { whom: 'ann' } })).messages[0].content.text,
    model: await said(use('ask_model')),
    quoted: await said(use('ask_about')),
    user: await said(use('ask_user')),
    roots: await said(use('ask_roots')),
    counted: await said(use('count', {}, { onprogress: (one) => progress.push(one.progress) })),
    progress,
    cancelled: await cancels(use),
    told: await hears(() => subscribe(`pair://${server}/text`), () => use('touch'), told),
  };
  await client.close();
  return report;
}

/** Takes a call back once it is under way; true when its server heard of that. */
async function cancels(use) {
  const key = randomUUID();
  const taking = new AbortController();
  await use('wait', { key }, { onprogress: () => taking.abort(), signal: taking.signal }).then(
    () => assertNever(), () => {});
  for (let i = 0; i < POLLS_MAX; i++) {
    if (await said(use('was_cancelled', { key })) === 'true') return true;
    await sleep(POLL_MS);
  }
  return false;
}

/** Subscribes, and lets the server tell of changes until the first is heard of; a stream may open in its own time. */
async function hears(subscribe, touch, told) {
  await subscribe();
  for (let i = 0; i < POLLS_MAX && told.length === 0; i++) {
    await touch();
    await sleep(POLL_MS);
  }
  return told[0];
}

function assertNever() {
  throw new Error('a call that was taken back was answered');
}
