// Certificates of clients: whom the gateway lets in, what it keeps on record of those it does not, and what a reload changes.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { mintToken } from '../peers/support.mjs';
import { Authority } from './certificates.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';

let bench;
let ours;
let theirs;
let trusted; // the file that client_ca names
const clients = {};

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      ours = await Authority.make(folder, 'ours');
      theirs = await Authority.make(folder, 'theirs');
      trusted = path.join(folder, 'trusted.crt');
      await fs.copyFile(ours.file, trusted);
      Object.assign(clients, {
        good: await ours.issue('good', { purpose: 'clientAuth' }),
        foreign: await theirs.issue('foreign', { purpose: 'clientAuth' }),
        expired: await ours.issue('expired', { days: -1 }),
        server: await ours.issue('server', { purpose: 'serverAuth' }),
      });
      const { files } = await ours.issue('gateway');
      return { listen: { address: '127.0.0.1:0', tls: { ...files, client_ca: trusted } } };
    },
  });
  bench.token = await mintToken(bench.state);
});
after(() => bench?.stop());

/** The answer to a call by that client, or the error that its connection ends with. */
async function call(client, token = bench.token) { // token null: none
  const { cert, key } = clients[client] ?? {};
  const secure = { ca: [await fs.readFile(ours.file)], cert, key };
  return rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token ?? undefined, secure).catch((error) => ({ error }));
}

test('a certificate of the authority, and none', async () => {
  assert.equal((await call('good')).status, 200);
  assert.equal((await call(undefined)).status, 200);
});

const REFUSED = [
  ['foreign', 'certificate.untrusted'],
  ['expired', 'certificate.expired'],
  ['server', 'certificate.purpose'],
];

test('bad certificates end the handshake', async (t) => {
  const outcomes = await bench.refusedAll(REFUSED.map(([client]) => () => call(client)));
  for (const [i, [client, code]] of REFUSED.entries()) {
    await t.test(client, () => {
      assert.ok(outcomes[i].answer.error, 'no answer');
      assert.equal(outcomes[i].record.type, 'wire.reject');
      assert.equal(outcomes[i].record.code, code);
      assert.equal(outcomes[i].record.peer, '127.0.0.1');
    });
  }
});

test('a certificate alone is nobody where no entry maps it', async () => {
  const { answer, record } = await bench.refused(() => call('good', null));
  assert.equal(answer.status, 401);
  assert.equal(record.code, 'token.missing');
});

test('a reload trusts another authority', async () => {
  await fs.copyFile(theirs.file, trusted);
  await bench.reload();
  assert.equal((await call('foreign')).status, 200);
  assert.equal((await bench.refused(() => call('good'))).record.code, 'certificate.untrusted');
  await fs.copyFile(ours.file, trusted);
  await bench.reload();
  assert.equal((await call('good')).status, 200);
  assert.equal((await bench.refused(() => call('foreign'))).record.code, 'certificate.untrusted');
});
