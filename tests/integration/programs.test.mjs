// Programs that are configured without a revision: each kind is opened, for clients of both eras, and the next process of
// it is begun with what was found (reference: fallback on stdio).
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { connectLegacy, connectModern, mintToken, peersFolder, rootFolder, until } from '../peers/support.mjs';
import { Bench, MODERN, modernCall, rawRequest } from './helpers.mjs';

const OPENS = { modern: 'server/discover', legacy: 'initialize' };
const crowd = path.join(rootFolder, 'tests/carriers/crowd.mjs');
const sdkServer = path.join(peersFolder, 'sdk-asking-server.mjs');

/** What a program does with the other era; begins: what a process of it gets first, once it is known, by its client. */
const PROGRAMS = [
  { name: 'legacy', words: ['legacy'], begins: { legacy: 'legacy', modern: 'legacy' } },
  { name: 'legacy-silent', words: ['legacy', 'silent'], begins: { legacy: 'legacy', modern: 'legacy' } },
  { name: 'legacy-ends', words: ['legacy', 'ends'], begins: { legacy: 'legacy', modern: 'legacy' } },
  { name: 'modern', words: ['modern'], begins: { legacy: 'modern', modern: 'modern' } },
  { name: 'modern-silent', words: ['modern', 'silent'], begins: { legacy: 'modern', modern: 'modern' } },
  { name: 'modern-ends', words: ['modern', 'ends'], begins: { legacy: 'modern', modern: 'modern' } },
  { name: 'both', words: [], begins: { legacy: 'legacy', modern: 'modern' } },
];

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: ({ folder }) => [
      ...PROGRAMS.map(({ name, words }) => ({ name, command: [
        process.execPath, path.join(peersFolder, 'stdio-server.mjs'), ...words, `--log=${path.join(folder, name)}`,
      ] })),
      { name: 'sdk', command: [process.execPath, sdkServer, 'stdio'] },
      { name: 'shared', command: [process.execPath, crowd, 'program', path.join(folder, 'shared')], revision: MODERN },
    ],
    // What was found is known where it was found.
    config: { threads: 1, policies: [path.join(rootFolder, 'tests/integration/policies-open')] },
  });
});
after(() => bench?.stop());

/** What the processes of a program got, oldest first. */
async function processesOf(name) {
  const [, ...processes] = (await fs.readFile(path.join(bench.folder, name), 'utf8')).split('start\n');
  return processes.map((text) => text.split('\n').slice(0, -1));
}

async function use(connect, name) {
  const client = await connect(bench.serverUrl(name), bench.token);
  const { tools } = await client.listTools();
  assert.ok(tools.length > 0);
  await client.close();
}

// Side by side, because silence takes its time.
describe('a program without a revision', { concurrency: true }, () => {
  for (const { name, begins } of PROGRAMS) {
    test(name, async () => {
      await use(connectModern, name);
      assert.ok((await processesOf(name)).at(-1).includes(OPENS[begins.modern]));
      await use(connectLegacy, name);
      const known = await processesOf(name);
      await use(connectLegacy, name);
      const now = await processesOf(name);
      // A modern one goes on with what it gets, whoever it is for; each client has a legacy one of its own.
      const isShared = begins.legacy === 'modern';
      assert.equal(now.length, known.length + (isShared ? 0 : 1));
      const next = isShared ? now.at(-1).slice(known.at(-1).length) : now.at(-1);
      assert.equal(next[0], OPENS[begins.legacy]);
      assert.ok(!next.includes(isShared ? 'initialize' : 'server/discover'));
    });
  }

  test('one of the official SDK, which speaks both', async () => {
    await use(connectModern, 'sdk');
    await use(connectLegacy, 'sdk');
  });
});

/** Waits until the log of the shared program has so many lines of a kind; returns them. */
async function logged(kind, count) {
  let text;
  return until(() => `what the program should get: ${text}`, async () => {
    text = await fs.readFile(path.join(bench.folder, 'shared'), 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line.startsWith(kind));
    return lines.length >= count && lines;
  });
}

describe('a process that two callers share', () => {
  const call = (label, token) => rawRequest(bench.serverUrl('shared'), modernCall('echo', { label, way: 'plain' }), token);
  const textOf = ({ messages }) => messages.at(-1).result.content[0].text;
  let ann;
  let bob;
  before(async () => {
    [ann, bob] = await Promise.all(['ann', 'bob'].map((subject) => mintToken(bench.state, { subject })));
  });

  test('goes on for one when the other takes a call back', async () => {
    const leaver = new AbortController();
    const { method, headers, body } = modernCall('echo', { label: 'wait', way: 'plain' });
    const left = fetch(bench.serverUrl('shared'), { method, body, signal: leaver.signal, headers: [...headers, ['Authorization', `Bearer ${bob}`]] });
    const [waits] = await logged('waits', 1);
    const waiting = call('wait', ann);
    await logged('waits', 2);
    leaver.abort();
    await assert.rejects(left);
    assert.deepEqual(await logged('cancelled', 1), [waits.replace('waits', 'cancelled')]);
    assert.equal(textOf(await call('still here', ann)), 'still here');
    assert.equal(textOf(await call('back', bob)), 'back');
    assert.equal((await logged('start', 1)).length, 1);
    await Promise.all([waiting, call('end', bob)].map(async (ended) => {
      const { status, messages: [{ error }] } = await ended;
      assert.deepEqual([status, error.data.code], [503, 'upstream_down']);
    }));
  });

  test('is back for both', async () => {
    for (const token of [ann, bob]) {
      // Not before its time.
      const answer = await until('the program to be started again', async () => {
        const one = await call('again', token);
        return one.status !== 503 && one;
      });
      assert.equal(textOf(answer), 'again');
    }
    assert.equal((await logged('start', 2)).length, 2);
  });
});
