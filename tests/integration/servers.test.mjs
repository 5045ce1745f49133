// Legacy servers behind the gateway, the official one over both of its transports: HTTP with SSE (MCP 2024-11-05), found
// or named, and what a server is told when nobody waits any more.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { connectAnswering } from '../peers/answering-client.mjs';
import {
  auditRecords, connectLegacy, connectModern, connectSse, lastSequence, listeningUrl, peersFolder, resultText, until, writeFile,
} from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const POLICIES = `
@id("test.all") permit (principal, action, resource);
@id("test.wait") @reason("nobody waits at this server") forbid (
  principal, action == Aegis::Action::"named.wait", resource
);`;

let bench, origin;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes }) => {
      origin = await listeningUrl(processes.start(process.execPath, [path.join(peersFolder, 'legacy-server.mjs')]));
      return [
        { name: 'found', url: `${origin}/sse`, trust: 'internal' },
        { name: 'named', url: `${origin}/sse`, transport: 'sse', trust: 'internal' },
        { name: 'streamable', url: `${origin}/mcp`, trust: 'internal' },
        { name: 'absent', url: `${origin}/nothing`, trust: 'internal' },
      ];
    },
    config: async ({ folder }) => {
      await writeFile(path.join(folder, 'policies/all.cedar'), POLICIES);
      return { policies: [path.join(folder, 'policies')] };
    },
  });
});
after(() => bench?.stop());

const TOOLS = { found: ['echo', 'told', 'ask', 'wait'], named: ['echo', 'told', 'ask'] };
const CLIENTS = { legacy: connectLegacy, modern: connectModern };

for (const server of ['found', 'named']) {
  for (const [era, connect] of Object.entries(CLIENTS)) {
    test(`a ${era} client lists and calls the tools of ${server} over HTTP with SSE`, async () => {
      const client = await connect(bench.serverUrl(server), bench.token);
      assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), TOOLS[server]);
      const sequence = await lastSequence(bench.state);
      const answers = await Promise.all(['a', 'b', 'c'].map((message) => client.callTool({ name: 'echo', arguments: { message } })));
      assert.deepEqual(answers.map(resultText), ['a', 'b', 'c']);
      const records = (await auditRecords(bench.state, sequence)).filter(({ target }) => target === `${server}.echo`);
      assert.equal(records.filter(({ phase }) => phase === 'intent').length, 3);
      await client.close();
    });
  }

  test(`${server} asks a legacy client on its stream`, async () => {
    const client = await connectAnswering(bench.serverUrl(server), bench.token, 'ann');
    const answer = JSON.parse(resultText(await client.callTool({ name: 'ask', arguments: {} })));
    assert.deepEqual(answer, { action: 'accept', content: { name: 'ann' } });
    await client.close();
  });
}

test('HTTP with SSE on both sides', async () => {
  const client = await connectSse(`${bench.gateway.origin}/servers/named/sse`, bench.token);
  assert.equal(resultText(await client.callTool({ name: 'echo', arguments: { message: 'through' } })), 'through');
  await client.close();
});

test('a denied call does not reach a server over HTTP with SSE', async () => {
  const client = await connectLegacy(bench.serverUrl('named'), bench.token);
  const waits = (await toldBy(client)).filter((each) => each === 'waits').length;
  const result = await client.callTool({ name: 'wait', arguments: {} });
  assert.equal(result.isError, true);
  assert.match(resultText(result), /nobody waits at this server/);
  assert.equal((await toldBy(client)).filter((each) => each === 'waits').length, waits);
  await client.close();
});

test('what is no MCP server in any transport is a failure', async () => {
  await assert.rejects(connectLegacy(bench.serverUrl('absent'), bench.token));
});

async function toldBy(client) {
  return JSON.parse(resultText(await client.callTool({ name: 'told', arguments: {} })));
}

/** Until the server was told so often. */
async function untilTold(client, word, count) {
  let told = [];
  await until(() => `${count} times ${word}: ${told}`, async () => {
    told = await toldBy(client);
    return times(told, word) >= count;
  });
}

const times = (told, word) => told.filter((each) => each === word).length;

for (const server of ['found', 'streamable']) {
  for (const [era, connect] of Object.entries(CLIENTS)) {
    test(`a call that a ${era} client takes back is cancelled at ${server}`, async () => {
      const client = await connect(bench.serverUrl(server), bench.token);
      const before = await toldBy(client);
      const controller = new AbortController();
      const call = client.callTool({ name: 'wait', arguments: {} }, ...(era === 'legacy' ? [undefined] : []), { signal: controller.signal });
      const refused = assert.rejects(call);
      await untilTold(client, 'waits', times(before, 'waits') + 1);
      controller.abort();
      await refused;
      await untilTold(client, 'cancelled', times(before, 'cancelled') + 1);
      await client.close();
    });
  }
}

for (const [server, word] of [['streamable', 'session ended'], ['found', 'stream closed']]) {
  test(`the session of a client that leaves ends at ${server}`, async () => {
    const watching = await connectLegacy(bench.serverUrl(server), bench.token);
    const before = await toldBy(watching);
    const leaving = await connectLegacy(bench.serverUrl(server), bench.token);
    assert.equal(resultText(await leaving.callTool({ name: 'echo', arguments: { message: 'here' } })), 'here');
    await leaving.transport.terminateSession();
    await leaving.close();
    await untilTold(watching, word, times(before, word) + 1);
    await watching.close();
  });
}
