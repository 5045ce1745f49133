// A call whose token is not good: 401 outside, the exact reason in the audit, nothing at the server behind.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectLegacy, connectModern, mintToken } from '../peers/support.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';

let bench;
before(async () => {
  bench = await Bench.start({ hasRealServers: false });
  // Whatever the gateway asks the server on its own account has been asked after one good call.
  await rawRequest(bench.serverUrl('counting'), modernCall('read_report'), bench.token);
});
after(() => bench?.stop());

/** A second development issuer, whose key the gateway has never seen. */
async function foreignState() {
  const folder = path.join(bench.folder, 'foreign');
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function expiredToken() {
  const token = await mintToken(bench.state, { ttl: 1 });
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString('utf8'));
  // The gateway may allow for a clock that is a minute off, and no more.
  await sleep(Math.max(0, exp * 1000 - Date.now()) + 61500);
  return token;
}

const ROWS = [
  { name: 'no token', code: 'token.missing', token: async () => undefined },
  { name: 'no JWT', code: 'token.malformed', token: async () => 'not-a-token' },
  { name: 'another audience', code: 'token.audience', token: () => mintToken(bench.state, { audience: 'other' }) },
  {
    name: 'a foreign issuer', code: 'token.issuer',
    token: async () => mintToken(await foreignState(), { issuer: 'https://issuer.example' }),
  },
  { name: 'the right issuer but a foreign key', code: /^token\.(key|signature)$/, token: async () => mintToken(await foreignState()) },
  {
    name: 'a changed payload', code: 'token.signature',
    token: async () => {
      const [head, payload, signature] = bench.token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
      return [head, Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url'), signature].join('.');
    },
  },
  { name: 'an expired token', code: 'token.expired', token: expiredToken },
];

for (const row of ROWS) {
  test(`a raw call with ${row.name}`, async () => {
    const token = await row.token();
    const { answer, record } = await bench.refused(() =>
      rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token));
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer\b/);
    assert.equal(record.type, 'auth.reject');
    if (row.code instanceof RegExp) assert.match(record.code, row.code);
    else assert.equal(record.code, row.code);
  });
}

for (const [era, connect] of [['legacy', connectLegacy], ['modern', connectModern]]) {
  test(`the ${era} client with another audience`, async () => {
    const token = await mintToken(bench.state, { audience: 'other' });
    const { answer, record } = await bench.refused(() =>
      connect(bench.serverUrl('counting'), token).then(() => undefined, (error) => error));
    assert.ok(answer instanceof Error, 'the client must not connect');
    assert.equal(record.code, 'token.audience');
  });
}
