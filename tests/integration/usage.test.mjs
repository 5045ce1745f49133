// What callers have done lately, seen by policies: one count over eras, loops and sessions, and the example policies.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { CountingServer } from '../peers/counting-server.mjs';
import { connectLegacy, connectModern, mintToken, resultText, rootFolder, writeFile } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const ALL = '@id("test.all") permit (principal, action, resource);';
const CALLS_MAX = 100; // of the example

let bench, others;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async () => {
      others = await new CountingServer().start();
      return [
        { name: 'vault', url: others.url, trust: 'internal', labels: ['secret'] },
        { name: 'others', url: others.url, trust: 'third-party' },
      ];
    },
    config: async ({ folder }) => {
      await writeFile(path.join(folder, 'policies/all.cedar'), ALL);
      return { policies: [path.join(folder, 'policies'), path.join(rootFolder, 'packaging/policies/examples')] };
    },
  });
});
after(async () => {
  await bench?.stop();
  await others?.stop();
});

const call = (client) => client.callTool({ name: 'read_report', arguments: {} });

test('calls are counted over eras, sessions and loops', async () => {
  const token = await mintToken(bench.state, { subject: 'counted' });
  const connect = [connectModern, connectLegacy];
  let passed = 0;
  let refused = 0;
  for (let round = 0; round < 11; round++) {
    const client = await connect[round % 2](bench.serverUrl('others'), token);
    for (const result of await Promise.all(Array.from({ length: 10 }, () => call(client)))) {
      if (result.isError !== true) passed++;
      else if (/called often enough/.test(resultText(result))) refused++;
    }
    await client.close();
  }
  assert.deepEqual([passed, refused], [CALLS_MAX, 10]);
  const stranger = await connectModern(bench.serverUrl('others'), bench.token);
  assert.notEqual((await call(stranger)).isError, true);
  await stranger.close();
});

test('who has read secrets in one era sends nothing out in the other', async () => {
  const token = await mintToken(bench.state, { subject: 'reader' });
  const out = await connectModern(bench.serverUrl('others'), token);
  assert.notEqual((await call(out)).isError, true);
  const secrets = await connectLegacy(bench.serverUrl('vault'), token);
  assert.notEqual((await call(secrets)).isError, true);
  const refused = await call(out);
  assert.equal(refused.isError, true);
  assert.match(resultText(refused), /servers of others are closed/);
  assert.notEqual((await call(secrets)).isError, true);
  await out.close();
  await secrets.close();
});
