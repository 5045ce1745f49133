// The revisions that a configuration lists, met by official clients that choose one by themselves: a client that asks for
// the newest first and may go back, one that begins with a handshake, and one that speaks the newest alone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { auditRecords, connectLegacy, connectModern, lastSequence, peersFolder, pythonPath, resultText } from '../peers/support.mjs';
import { Bench, MODERN, legacyRequest, modernRequest, rawRequest } from './helpers.mjs';

const TOOL = 'read_report';
const REFUSED = 'refused';
const ALL = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', MODERN];
/** auto, legacy, pinned: in what the clients of that kind come to call, where a configuration lists these revisions. */
const LISTS = [
  { revisions: ALL, auto: MODERN, legacy: '2025-11-25', pinned: MODERN },
  { revisions: [MODERN], auto: MODERN, legacy: REFUSED, pinned: MODERN },
  { revisions: ['2024-11-05', '2025-06-18'], auto: '2025-06-18', legacy: '2025-06-18', pinned: REFUSED },
  { revisions: ['2025-03-26', MODERN], auto: MODERN, legacy: '2025-03-26', pinned: MODERN },
];

const CLIENTS = {
  'of TypeScript, version 1': ['legacy', connectLegacy],
  'of TypeScript that chooses': ['auto', (url, token) => connectModern(url, token, { mode: 'auto' })],
  'of TypeScript that begins with a handshake': ['legacy', (url, token) => connectModern(url, token, { mode: 'legacy' })],
  'of TypeScript for the newest': ['pinned', connectModern],
};
const PYTHON = { auto: 'auto', legacy: 'legacy', pinned: MODERN };

async function callBy(connect, url, token) {
  let client;
  try {
    client = await connect(url, token);
    return resultText(await client.callTool({ name: TOOL, arguments: {} }));
  } catch {
    return REFUSED;
  } finally {
    await client?.close();
  }
}

/** The clients of Python, one after the other, at each gateway. */
async function callByPython() {
  const child = benches[0].processes.start(pythonPath, [path.join(peersFolder, 'choosing-client.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  const asked = benches.flatMap((bench) => Object.values(PYTHON).map((mode) => ({ url: bench.serverUrl('counting'), token: bench.token, mode })));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
  child.stdin.end(JSON.stringify(asked));
  const [status] = await once(child, 'close');
  assert.equal(status, 0, child.errors);
  return JSON.parse(text);
}

const benches = [];
before(async () => {
  for (const { revisions } of LISTS) benches.push(await Bench.start({ hasRealServers: false, config: { revisions } }));
});
after(async () => {
  for (const bench of benches) await bench.stop();
});

/** The revisions in which calls were made meanwhile. */
const spoken = async (bench, sequence) => (await auditRecords(bench.state, sequence))
  .filter(({ method, phase }) => method === 'tools/call' && phase === 'intent').map(({ revision }) => revision);
const saidIn = (revision) => (revision === REFUSED ? REFUSED : TOOL);
const isSpoken = (revision) => revision !== REFUSED;

for (const [i, { revisions, ...expected }] of LISTS.entries()) {
  describe(`where ${revisions.join(', ')} may be spoken`, () => {
    for (const [client, [kind, connect]] of Object.entries(CLIENTS)) {
      test(`a client ${client} finds ${expected[kind]}`, async () => {
        const sequence = await lastSequence(benches[i].state);
        assert.equal(await callBy(connect, benches[i].serverUrl('counting'), benches[i].token), saidIn(expected[kind]));
        assert.deepEqual(await spoken(benches[i], sequence), [expected[kind]].filter(isSpoken));
      });
    }

    test('no other is agreed to, or named', async () => {
      const ask = async (request) => (await rawRequest(benches[i].serverUrl('counting'), request, benches[i].token)).messages[0];
      const handshakes = revisions.filter((each) => each !== MODERN);
      for (const asked of [...ALL, '2024-10-07', '2099-01-01', 'v999', '']) {
        const shaken = await ask(legacyRequest('initialize', { protocolVersion: asked, capabilities: {}, clientInfo: { name: 'x', version: '1' } }));
        if (handshakes.length > 0) {
          assert.equal(shaken.result.protocolVersion, handshakes.includes(asked) ? asked : handshakes.at(-1), asked);
        } else {
          assert.deepEqual(shaken.error.data, { supported: [MODERN], requested: asked });
        }
        const meta = { 'io.modelcontextprotocol/protocolVersion': asked, 'io.modelcontextprotocol/clientCapabilities': {} };
        const discovered = await ask(modernRequest('server/discover', {}, { meta }));
        if (asked === MODERN && revisions.includes(MODERN)) {
          assert.deepEqual(discovered.result.supportedVersions, [MODERN]);
        } else {
          assert.equal(discovered.error.code, -32022, asked);
          assert.deepEqual(discovered.error.data, { supported: revisions.includes(MODERN) ? [MODERN] : handshakes, requested: asked });
        }
      }
    });
  });
}

test('clients of Python find the same', async () => {
  const sequences = await Promise.all(benches.map(({ state }) => lastSequence(state)));
  const found = LISTS.map((expected) => Object.keys(PYTHON).map((kind) => expected[kind]));
  assert.deepEqual(await callByPython(), found.flat().map(saidIn));
  assert.deepEqual(await Promise.all(benches.map((bench, i) => spoken(bench, sequences[i]))), found.map((each) => each.filter(isSpoken)));
});
