// Many clients that use equal ids, tokens of progress and names beside each other: each gets its own answers, progress and
// questions, and nobody else's. AEGIS_LONG=1 takes a thousand clients and a hundred thousand calls.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { listeningUrl, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN } from './helpers.mjs';
import { Issuer } from './issuer.mjs';

const LEGACY = '2025-11-25';
const [CLIENTS, CALLS] = process.env.AEGIS_LONG === '1' ? [1000, 100] : [100, 8];
const TOKEN_S = 7200;
const LOOPS = 2;
/** The revision of a client and its server: that of one revision, or the program that all share. */
const PAIRS = [
  [LEGACY, LEGACY], [MODERN, MODERN], [LEGACY, MODERN], [MODERN, LEGACY], [LEGACY, 'program'], [MODERN, 'program'],
];
/** Everybody may be slow here, but for the gateway: one thread is all clients. */
const PATIENCE = { head_timeout_ms: 600000, list_timeout_ms: 600000, upstream_timeout_ms: 600000, upstream_connect_timeout_ms: 60000 };
const program = fileURLToPath(new URL('../carriers/crowd.mjs', import.meta.url));

const issuer = new Issuer('https://issuer.tests.example');
let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ folder, processes }) => {
      const url = await listeningUrl(processes.start(process.execPath, [program, 'server']));
      const command = [process.execPath, program, 'program', path.join(folder, 'program.log')];
      return [
        ...[LEGACY, MODERN].map((revision) => ({ name: `echo-${revision}`, url, trust: 'internal', revision })),
        { name: 'echo-program', command, trust: 'internal', revision: MODERN },
      ];
    },
    config: async ({ folder }) => {
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      return {
        policies: [path.join(rootFolder, 'tests/integration/policies-open')],
        identity: [issuer.config(path.join(folder, 'keys.json'))],
        limits: PATIENCE,
        threads: LOOPS,
      };
    },
  });
});
after(() => bench?.stop());

function clientOf(number) {
  const [revision, server] = PAIRS[number % PAIRS.length];
  const exp = Math.floor(Date.now() / 1000) + TOKEN_S;
  return { revision, url: bench.serverUrl(`echo-${server}`), token: issuer.token({ claims: { sub: `client-${number}`, exp } }) };
}

test(`${CLIENTS} clients with equal ids make ${CLIENTS * CALLS} calls`, async (t) => {
  const crowd = bench.processes.start(process.execPath, [program, 'clients'], { stdio: ['pipe', 'pipe', 'pipe'] });
  crowd.stdin.end(JSON.stringify({ calls: CALLS, clients: Array.from({ length: CLIENTS }, (_, number) => clientOf(number)) }));
  const [said, [status]] = await Promise.all([text(crowd.stdout), once(crowd, 'close')]);
  assert.equal(status, 0, crowd.errors);
  const { crossed, seconds } = JSON.parse(said);
  t.diagnostic(`${CLIENTS * CALLS} calls in ${seconds.toFixed(1)} s`);
  assert.deepEqual(crossed.slice(0, 10), [], `${crossed.length} answers that were not the client's own`);
  const log = await fs.readFile(path.join(bench.folder, 'program.log'), 'utf8');
  const started = log.split('\n').filter((line) => line === 'start').length;
  assert.ok(started >= 1 && started <= LOOPS, `${started} processes of a program that all share`);
});
