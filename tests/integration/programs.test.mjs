// Programs that are configured without a revision: each kind is opened, for clients of both eras, and the next process of
// it is begun with what was found (reference: fallback on stdio).
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { connectLegacy, connectModern, peersFolder, rootFolder } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const OPENS = { modern: 'server/discover', legacy: 'initialize' };
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
      const known = (await processesOf(name)).length;
      await use(connectLegacy, name);
      const next = (await processesOf(name)).slice(known);
      assert.equal(next.length, 1);
      assert.equal(next[0][0], OPENS[begins.legacy]);
      assert.ok(!next[0].includes(begins.legacy === 'legacy' ? 'server/discover' : 'initialize'));
    });
  }

  test('one of the official SDK, which speaks both', async () => {
    await use(connectModern, 'sdk');
    await use(connectLegacy, 'sdk');
  });
});
