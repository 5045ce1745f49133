// The pairs' clients on both versions of the official SDK: one tour of a server, and what was seen on it.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectLegacy, resultText } from '../support.mjs';

const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} };
const POLLS_MAX = 500;
const POLL_MS = 20;

const ANSWERS = {
  'sampling/createMessage': { role: 'assistant', model: 'small', content: { type: 'text', text: 'ann thinks' } },
  'elicitation/create': { action: 'accept', content: { name: 'ann' } },
  'roots/list': { roots: [{ uri: 'file:///home/ann' }] },
};

async function connectV1(url, token) {
  const client = await connectLegacy(url, token, {
    capabilities: CAPABILITIES,
    prepare: (unconnected, { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema }) => {
      for (const schema of [CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema]) {
        unconnected.setRequestHandler(schema, ({ method }) => ANSWERS[method]);
      }
    },
  });
  return { client, call: (params, options) => client.callTool(params, undefined, options) };
}

async function connectV2(url, token, mode) {
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client({ name: 'pair', version: '1.0.0' }, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  for (const [method, answer] of Object.entries(ANSWERS)) client.setRequestHandler(method, () => answer);
  const headers = { Authorization: `Bearer ${token}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return { client, call: (params, options) => client.callTool(params, options) };
}

export const CONNECT = {
  v1: connectV1,
  'v2-legacy': (url, token) => connectV2(url, token, 'legacy'),
  'v2-modern': (url, token) => connectV2(url, token, { pin: '2026-07-28' }),
};

/** What a tool said, or 'refused'. */
const said = async (result) => {
  const { isError, ...rest } = await result;
  return isError === true ? 'refused' : resultText(rest);
};

/** server: its name, for its address; prefix: of names at this endpoint. */
export async function tour({ client, call }, { server, prefix }) {
  const use = (name, arguments_ = {}, options) => call({ name: `${prefix}${name}`, arguments: arguments_ }, options);
  const progress = [];
  const report = {
    tools: (await client.listTools()).tools.map(({ name }) => name).filter((name) => name.startsWith(prefix)).sort(),
    echo: await said(use('echo', { text: 'é' })),
    text: (await client.readResource({ uri: `pair://${server}/text` })).contents[0].text,
    greeting: (await client.getPrompt({ name: `${prefix}greet`, arguments: { whom: 'ann' } })).messages[0].content.text,
    model: await said(use('ask_model')),
    user: await said(use('ask_user')),
    roots: await said(use('ask_roots')),
    counted: await said(use('count', {}, { onprogress: (one) => progress.push(one.progress) })),
    progress,
    cancelled: await cancels(use),
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

function assertNever() {
  throw new Error('a call that was taken back was answered');
}
