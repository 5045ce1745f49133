// Ordinary definitions of tools of real servers: each is listed as its server has it, and can be called. Corpus
// mcp-definitions-benign; a server of ours stands for each of its servers, all of them behind one gateway.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { CountingServer } from '../peers/counting-server.mjs';
import { takesArguments } from '../peers/schema.mjs';
import { connectModern, resultText, rootFolder } from '../peers/support.mjs';
import { Bench, corpusLines, sharedIsAbsent } from './helpers.mjs';

const UNSAID_SHARE_MAX = 0.05; // of definitions for which the sample below is not good
const definitions = await corpusLines('mcp-definitions-benign/definitions.jsonl');
const skip = sharedIsAbsent(definitions);

/** Arguments that a schema of the corpus takes, as a rule: the least of what it requires. */
function sample(schema) {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sample(schema.anyOf[0]);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map((name) => [name, sample(schema.properties[name])]));
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items));
    case 'string':
      return 'x'.repeat(schema.minLength ?? 1);
    case 'integer':
    case 'number':
      return schema.minimum ?? (schema.exclusiveMinimum ?? 0) + 1;
    case 'boolean':
      return true;
    default:
      return null;
  }
}

let bench;
const peers = new Map(); // by the corpus's name of the server
before(async () => {
  if (definitions === undefined) return;
  for (const { server } of definitions) {
    if (peers.has(server)) continue;
    const tools = definitions.filter((one) => one.server === server)
      .map(({ tool, description, inputSchema }) => ({ name: tool, description, inputSchema }));
    peers.set(server, { name: `s${peers.size}`, tools, counting: await new CountingServer({ tools }).start() });
  }
  bench = await Bench.start({
    hasRealServers: false,
    more: () => [...peers.values()].map(({ name, counting }) => ({ name, url: counting.url, trust: 'third-party' })),
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-open')] },
  });
});
after(async () => {
  await bench?.stop();
  await Promise.all([...peers.values()].map(({ counting }) => counting.stop()));
});

for (const [era, connect] of [['legacy', (url, token) => bench.connectLegacy(url, token)], ['modern', connectModern]]) {
  test(`the ${era} client is shown every definition as it is`, { skip }, async () => {
    const client = await connect(bench.gateway.url, bench.token);
    const { tools } = await client.listTools();
    await client.close();
    const shown = new Map(tools.map((tool) => [tool.name, tool]));
    for (const { name, tools: own } of peers.values()) {
      for (const tool of own) {
        const { description, inputSchema } = shown.get(`${name}__${tool.name}`) ?? {};
        assert.deepEqual({ name: tool.name, description, inputSchema }, tool);
      }
    }
  });
}

test('every one of them can be called', { skip }, async () => {
  const client = await connectModern(bench.gateway.url, bench.token);
  let unsaid = 0;
  await Promise.all([...peers.values()].map(async ({ name, tools, counting }) => {
    for (const tool of tools) {
      const arguments_ = sample(tool.inputSchema);
      if (!takesArguments(tool.inputSchema, arguments_)) {
        unsaid++;
        continue;
      }
      const result = await client.callTool({ name: `${name}__${tool.name}`, arguments: arguments_ });
      assert.equal(resultText(result), tool.name, `${name} ${tool.name}`);
      const { params } = counting.messages.findLast(({ method }) => method === 'tools/call');
      assert.deepEqual([params.name, params.arguments], [tool.name, arguments_]);
    }
  }));
  await client.close();
  assert.ok(unsaid <= definitions.length * UNSAID_SHARE_MAX, `${unsaid} without arguments`);
});
