// The client that the official suite starts for its client scenarios: a real one, with the gateway between it and the
// server whose address is the last argument.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { Processes, connectLegacy, connectModern, rootFolder, startAegis } from '../peers/support.mjs';

const MODERN = '2026-07-28';

async function listAll(client) {
  const { tools } = await client.listTools();
  return tools;
}

/** What the client does once it is connected; everything else is the suite's to see. */
const SCENARIOS = {
  initialize: listAll,
  'request-metadata': listAll,
  'json-schema-ref-no-deref': listAll,
  tools_call: async (client) => {
    await listAll(client);
    await client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
  },
  'http-standard-headers': async (client) => {
    for (const { name } of await listAll(client)) await client.callTool({ name, arguments: {} });
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
  },
  'http-custom-headers': async (client) => {
    await listAll(client);
    for (const call of JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT).toolCalls) await client.callTool(call);
  },
  'http-invalid-tool-headers': async (client) => {
    for (const { name } of await listAll(client)) await client.callTool({ name, arguments: { region: 'here' } });
  },
  'sep-2322-client-request-state': async (client) => {
    const tools = await listAll(client);
    await Promise.all(tools.map(({ name }) => client.callTool({ name, arguments: {} })));
  },
  'elicitation-sep1034-client-defaults': async (client) => {
    for (const { name } of await listAll(client)) await client.callTool({ name, arguments: {} });
  },
  'sse-retry': async (client) => {
    for (const { name } of await listAll(client)) await client.callTool({ name, arguments: {} });
  },
  'json-schema-2020-12-preservation': async (client) => {
    const tools = await listAll(client);
    const { inputSchema } = tools.find(({ inputSchema: { $defs } }) => $defs !== undefined);
    const { name } = tools.find(({ inputSchema: { properties } }) => properties?.schema !== undefined);
    await client.callTool({ name, arguments: { schema: inputSchema } });
  },
};

const ACCEPTED = { action: 'accept', content: {} };
const capabilities = { elicitation: { applyDefaults: true } };

async function connect(url) {
  if (process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === MODERN) {
    return connectModern(url, undefined, {
      capabilities, prepare: (client) => client.setRequestHandler('elicitation/create', () => ACCEPTED),
    });
  }
  return connectLegacy(url, undefined, {
    capabilities: { elicitation: { form: { applyDefaults: true } } },
    prepare: (client, { ElicitRequestSchema }) => client.setRequestHandler(ElicitRequestSchema, () => ACCEPTED),
  });
}

const upstream = process.argv.at(-1);
const act = SCENARIOS[process.env.MCP_CONFORMANCE_SCENARIO];
const processes = new Processes();
const state = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-through-'));
try {
  const { url } = await startAegis(processes, [
    'proxy', '--upstream', upstream, '--no-auth', '--policy', path.join(rootFolder, 'tests/integration/policies-open'),
    '--state', state,
  ]);
  const client = await connect(url);
  await act(client);
  await client.close();
} finally {
  await processes.stop();
  await fs.rm(state, { recursive: true, force: true });
}
