// What legacy servers ask of legacy clients, through the gateway: official clients and servers on both sides.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectAnswering } from '../peers/answering-client.mjs';
import {
  auditRecords, connectLegacy, filesystemCommand, lastSequence, listeningUrl, peersFolder, resultText, rootFolder,
} from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const CLIENTS = 16;
const CALLS = 3;
const POLLS_MAX = 500;
const POLL_MS = 20;
const server = path.join(peersFolder, 'asking-server.mjs');

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes, folder }) => {
      const url = await listeningUrl(processes.start(process.execPath, [server, 'http']));
      return [
        { name: 'asking', url, trust: 'internal' },
        { name: 'guarded', url, trust: 'internal' },
        { name: 'asking-child', command: [process.execPath, server, 'stdio'], trust: 'internal' },
        { name: 'files', command: filesystemCommand(folder), trust: 'internal' },
      ];
    },
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-asking')] },
  });
});
after(() => bench?.stop());

const connect = (url, name, capabilities) => connectAnswering(url, bench.token, name, capabilities);

async function answerTo(client, tool) {
  return JSON.parse(resultText(await client.callTool({ name: tool, arguments: {} })));
}

const ANSWERS = {
  ask_model: (name) => ({ role: 'assistant', model: 'none', content: { type: 'text', text: name } }),
  ask_user: (name) => ({ action: 'accept', content: { name } }),
  ask_roots: (name) => ({ roots: [{ uri: `file:///home/${name}` }] }),
};
const REFUSALS = { ask_model: { code: -32601 }, ask_user: { code: -32601 }, ask_roots: { code: -32601 } };
const METHODS = { ask_model: 'sampling/createMessage', ask_user: 'elicitation/create', ask_roots: 'roots/list' };

for (const name of ['asking', 'asking-child']) {
  describe(`the server ${name}`, () => {
    let client;
    before(async () => (client = await connect(bench.serverUrl(name), 'ann')));
    after(() => client?.close());

    for (const tool of Object.keys(ANSWERS)) {
      test(`gets the answer to ${METHODS[tool]}`, async () => {
        const sequence = await lastSequence(bench.state);
        const asked = client.asked.length;
        assert.deepEqual(await answerTo(client, tool), ANSWERS[tool]('ann'));
        assert.deepEqual(client.asked.slice(asked).map(({ method }) => method), [METHODS[tool]]);
        const records = (await auditRecords(bench.state, sequence)).filter(({ method }) => method === METHODS[tool]);
        const stripped = tool === 'ask_roots' ? ['client deny'] : [];
        assert.deepEqual(records.map(({ direction, decision }) => `${direction} ${decision}`), ['server allow', ...stripped, 'client allow']);
      });
    }
  });
}

describe('a server that the policies let ask nobody', () => {
  test('is not offered what it could ask for, and the client hears nothing', async () => {
    const client = await connect(bench.serverUrl('guarded'), 'ann');
    for (const tool of Object.keys(REFUSALS)) {
      const sequence = await lastSequence(bench.state);
      const answer = await client.callTool({ name: tool, arguments: {} });
      assert.match(resultText(answer), /-32601|-1|decline|"roots":\[\]/);
      const records = (await auditRecords(bench.state, sequence)).filter(({ method }) => method === METHODS[tool]);
      assert.deepEqual(records.map(({ direction, decision }) => `${direction} ${decision}`), ['server deny']);
    }
    assert.deepEqual(client.asked, []);
    await client.close();
  });

  test('neither when the client can be asked nothing', async () => {
    const client = await connect(bench.serverUrl('asking'), 'ann', {});
    for (const tool of Object.keys(REFUSALS)) {
      assert.deepEqual(await answerTo(client, tool), REFUSALS[tool]);
    }
    await client.close();
  });
});

test('over HTTP with SSE the client is asked on its stream', async () => {
  const client = await connect(bench.serverUrl('asking').replace('/mcp', '/sse'), 'ann');
  for (const tool of Object.keys(ANSWERS)) assert.deepEqual(await answerTo(client, tool), ANSWERS[tool]('ann'));
  assert.deepEqual(client.asked.map(({ method }) => method), Object.values(METHODS));
  await client.close();
});

test('on the endpoint of all servers the user reads who asks', async () => {
  const client = await connect(bench.gateway.url, 'ann');
  assert.deepEqual(await answerTo(client, 'asking__ask_user'), ANSWERS.ask_user('ann'));
  assert.match(client.asked.at(-1).params.message, /asking/);
  await client.close();
});

test('no answer crosses over to another client, though all of them use equal ids', async () => {
  const names = Array.from({ length: CLIENTS }, (_, i) => `client${i}`);
  const clients = await Promise.all(names.map((name, i) => connect(bench.serverUrl(i % 8 === 0 ? 'asking-child' : 'asking'), name)));
  const tools = Object.keys(ANSWERS);
  await Promise.all(clients.map(async (client, i) => {
    for (let k = 0; k < CALLS; k++) {
      const both = [tools[k % tools.length], tools[(k + 1) % tools.length]];
      const answers = await Promise.all(both.map((tool) => answerTo(client, tool)));
      assert.deepEqual(answers, both.map((tool) => ANSWERS[tool](names[i])));
    }
  }));
  for (const client of clients) assert.equal(client.asked.length, 2 * CALLS);
  await Promise.all(clients.map((client) => client.close()));
});

test('a server that works with roots hears when they change', async () => {
  const places = await Promise.all(['one', 'two'].map(async (name) => {
    const place = path.join(bench.folder, 'roots', name);
    await fs.mkdir(place, { recursive: true });
    return place;
  }));
  let place = places[0];
  const client = await connectLegacy(bench.serverUrl('files'), bench.token, {
    capabilities: { roots: { listChanged: true } },
    prepare: (unconnected, { ListRootsRequestSchema }) => {
      unconnected.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: `file://${place}` }, { uri: 'file:///private/keys' }] }));
    },
  });
  const shown = async () => resultText(await client.callTool({ name: 'list_allowed_directories', arguments: {} }));
  // The server asks in its own time, on a stream that opens in its own time.
  for (place of places) {
    let text = await shown();
    for (let i = 0; i < POLLS_MAX && !text.includes(place); i++) {
      await client.sendRootsListChanged();
      await sleep(POLL_MS);
      text = await shown();
    }
    assert.ok(text.includes(place), text);
    assert.doesNotMatch(text, /private/);
  }
  await client.close();
});

describe('a session', () => {
  const ask = (method, session) => fetch(bench.serverUrl('asking'), {
    method, headers: { Authorization: `Bearer ${bench.token}`, Accept: 'text/event-stream', 'Mcp-Session-Id': session },
  });

  test('has one stream', async () => {
    const client = await connect(bench.serverUrl('asking'), 'ann');
    const first = await ask('GET', client.link.sessionId);
    // The client opens one by itself: one of the two is too late.
    const second = await ask('GET', client.link.sessionId);
    assert.equal(second.status, 409);
    await first.body.cancel();
    await client.close();
  });

  test('is over after its end, whichever loop hears of it', async () => {
    const client = await connect(bench.serverUrl('asking'), 'ann');
    const session = client.link.sessionId;
    await client.link.terminateSession();
    for (let i = 0; i < 8; i++) assert.equal((await ask('DELETE', session)).status, 404);
    await client.close();
  });
});
