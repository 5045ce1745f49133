// What servers ask of clients of another era, through the gateway: official clients and servers on both sides.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { connectAnswering } from '../peers/answering-client.mjs';
import { auditRecords, connectModern, lastSequence, listeningUrl, peersFolder, resultText, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN } from './helpers.mjs';

const CLIENTS = 12;
const CALLS = 3;
const modernServer = path.join(peersFolder, 'sdk-asking-server.mjs');
const legacyServer = path.join(peersFolder, 'asking-server.mjs');

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes }) => {
      const url = await listeningUrl(processes.start(process.execPath, [modernServer]));
      const legacyUrl = await listeningUrl(processes.start(process.execPath, [legacyServer, 'http']));
      return [
        { name: 'legacy', url: legacyUrl, trust: 'internal' },
        { name: 'legacy-child', command: [process.execPath, legacyServer, 'stdio'], trust: 'internal' },
        { name: 'modern', url, revision: MODERN, trust: 'internal' },
        { name: 'guarded', url, revision: MODERN, trust: 'internal' },
        { name: 'modern-child', command: [process.execPath, modernServer, 'stdio'], revision: MODERN, trust: 'internal' },
      ];
    },
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-asking')] },
  });
});
after(() => bench?.stop());

const ANSWERS = {
  ask_model: { role: 'assistant', model: 'none', content: { type: 'text', text: 'ann' } },
  ask_user: { action: 'accept', content: { name: 'ann' } },
  ask_roots: { roots: [{ uri: 'file:///home/ann' }] },
};
const METHODS = { ask_model: 'sampling/createMessage', ask_user: 'elicitation/create', ask_roots: 'roots/list' };
const CALL = 'tools/call';

async function answerTo(client, tool) {
  return JSON.parse(resultText(await client.callTool({ name: tool, arguments: {} })));
}

/** What was recorded of questions and of calls since then, without the client's own stream. */
async function recordedSince(sequence, method) {
  const records = await auditRecords(bench.state, sequence);
  return {
    judged: records.filter((record) => record.method === method).map(({ direction, decision }) => `${direction} ${decision}`),
    rounds: records.filter((record) => record.method === CALL && record.phase === 'outcome').map(({ outcome }) => outcome),
  };
}

for (const [name, at] of [
  ['modern', () => bench.serverUrl('modern')],
  ['modern-child', () => bench.serverUrl('modern-child')],
  ['modern over HTTP with SSE', () => bench.serverUrl('modern').replace('/mcp', '/sse')],
]) {
  describe(`a legacy client of the server ${name}`, () => {
    let client;
    before(async () => (client = await connectAnswering(at(), bench.token, 'ann')));
    after(() => client?.close());

    for (const [tool, method] of Object.entries(METHODS)) {
      test(`is asked ${method}`, async () => {
        const sequence = await lastSequence(bench.state);
        const asked = client.asked.length;
        assert.deepEqual(await answerTo(client, tool), ANSWERS[tool]);
        assert.deepEqual(client.asked.slice(asked).map((question) => question.method), [method]);
        const { judged, rounds } = await recordedSince(sequence, method);
        const stripped = tool === 'ask_roots' ? ['client deny'] : [];
        assert.deepEqual(judged, ['server allow', ...stripped, 'client allow']);
        assert.deepEqual(rounds, ['input_required', 'ok']);
      });
    }

    test('is asked two things at once', async () => {
      const { inputResponses, state } = await answerTo(client, 'deploy');
      assert.equal(state, 'round "1"');
      assert.deepEqual(inputResponses.dirs, ANSWERS.ask_roots);
      // The form has another field than the client fills in: what does not fit is no answer.
      assert.deepEqual(inputResponses.env, { action: 'decline' });
    });

    test('cannot be asked to open a page that it did not offer to open', async () => {
      const asked = client.asked.length;
      await assert.rejects(client.callTool({ name: 'ask_page', arguments: {} }), { code: -32021 });
      assert.equal(client.asked.length, asked);
    });
  });
}

test('a legacy client on the endpoint of all servers reads who asks', async () => {
  const client = await connectAnswering(bench.gateway.url, bench.token, 'ann');
  assert.deepEqual(await answerTo(client, 'modern__ask_user'), ANSWERS.ask_user);
  assert.match(client.asked.at(-1).params.message, /modern/);
  await client.close();
});

test('a modern server that the policies let ask nobody is not offered what it could ask for', async () => {
  const client = await connectAnswering(bench.serverUrl('guarded'), bench.token, 'ann');
  for (const tool of Object.keys(METHODS)) {
    const result = await client.callTool({ name: tool, arguments: {} }).catch((error) => ({ error }));
    assert.ok(result.error !== undefined || result.isError === true, tool);
  }
  assert.deepEqual(client.asked, []);
  await client.close();
});

/** A modern client that answers by that name, and keeps in `asked` what it was asked. */
async function connectAnsweringModern(url, name, capabilities = { sampling: {}, roots: {}, elicitation: { form: {}, url: {} } }) {
  const asked = [];
  const answers = {
    'sampling/createMessage': { role: 'assistant', model: 'none', content: { type: 'text', text: name } },
    'elicitation/create': ({ mode }) => (mode === 'url' ? { action: 'accept' } : { action: 'accept', content: { name } }),
    'roots/list': { roots: [{ uri: `file:///home/${name}` }, { uri: 'file:///private/keys' }] },
  };
  const prepare = (client) => {
    for (const [method, answer] of Object.entries(answers)) {
      if (capabilities[method.split('/')[0]] === undefined) continue;
      client.setRequestHandler(method, async (request) => {
        asked.push(request);
        return typeof answer === 'function' ? answer(request.params) : answer;
      });
    }
  };
  return Object.assign(await connectModern(url, bench.token, { capabilities, prepare }), { asked });
}

for (const name of ['legacy', 'legacy-child']) {
  describe(`a modern client of the server ${name}`, () => {
    let client;
    before(async () => (client = await connectAnsweringModern(bench.serverUrl(name), 'ann')));
    after(() => client?.close());

    for (const [tool, method] of Object.entries({ ...METHODS, ask_page: 'elicitation/create' })) {
      test(`is asked ${method} by ${tool}`, async () => {
        const sequence = await lastSequence(bench.state);
        const before = client.asked.length;
        assert.deepEqual(await answerTo(client, tool), ANSWERS[tool] ?? { action: 'accept' });
        assert.deepEqual(client.asked.slice(before).map((question) => question.method), [method]);
        const { judged, rounds } = await recordedSince(sequence, method);
        const stripped = tool === 'ask_roots' ? ['client deny'] : [];
        assert.deepEqual(judged, ['server allow', ...(stripped.length > 0 ? ['client allow', ...stripped] : ['client allow'])]);
        assert.deepEqual(rounds, ['input_required', 'ok']);
      });
    }

    test('opens the page that the server wants to be opened first', async () => {
      const before = client.asked.length;
      assert.equal(await answerTo(client, 'need_page'), 'opened');
      assert.deepEqual(client.asked.slice(before).map(({ params }) => params.url), ['https://login.example.com/in']);
    });

    test('that can be asked nothing is not', async () => {
      const silent = await connectAnsweringModern(bench.serverUrl(name), 'ann', {});
      for (const tool of Object.keys(METHODS)) assert.deepEqual(await answerTo(silent, tool), { code: -32601 });
      assert.deepEqual(await answerTo(client, 'ask_user'), ANSWERS.ask_user);
      await silent.close();
    });
  });
}

test('a modern client on the endpoint of all servers reads who asks', async () => {
  const client = await connectAnsweringModern(bench.gateway.url, 'ann');
  assert.deepEqual(await answerTo(client, 'legacy__ask_user'), ANSWERS.ask_user);
  assert.match(client.asked.at(-1).params.message, /^legacy: /);
  assert.deepEqual(await answerTo(client, 'legacy-child__ask_user'), ANSWERS.ask_user);
  await client.close();
});

test('no answer crosses over to another call, on whichever loop it arrives', async () => {
  const names = Array.from({ length: CLIENTS }, (_, i) => `client${i}`);
  const clients = await Promise.all(names.map((name) => connectAnsweringModern(bench.serverUrl('legacy'), name)));
  await Promise.all(clients.map(async (client, i) => {
    for (let k = 0; k < CALLS; k++) {
      const answers = await Promise.all(['ask_user', 'ask_roots'].map((tool) => answerTo(client, tool)));
      assert.deepEqual(answers, [{ action: 'accept', content: { name: names[i] } }, { roots: [{ uri: `file:///home/${names[i]}` }] }]);
    }
    assert.equal(client.asked.length, 2 * CALLS);
  }));
  await Promise.all(clients.map((client) => client.close()));
});
