// Tokens that are bound to a key (RFC 9449): proofs by a real key, over real sockets, to one of several loops.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { AskedIssuer, CLIENT } from './asked-issuer.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';
import { AUDIENCE, Issuer } from './issuer.mjs';

const issuer = new Issuer('https://issuer.tests.example');
const demanding = new Issuer('https://demanding.tests.example');
const asked = await new AskedIssuer().start();
const now = () => Math.floor(Date.now() / 1000);

let bench;
let url;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      await fs.writeFile(path.join(folder, 'demanding.json'), demanding.jwks());
      await fs.writeFile(path.join(folder, 'secret'), CLIENT.secret, { mode: 0o600 });
      return {
        identity: [
          issuer.config(path.join(folder, 'keys.json')),
          { ...demanding.config(path.join(folder, 'demanding.json')), name: 'demanding', dpop: 'required', dpop_nonce: true },
          {
            name: 'asked', issuer: asked.url, audience: AUDIENCE, roles: ['Developers'],
            introspection: { endpoint: `${asked.url}/introspect`, client_id: CLIENT.id, client_secret: { file: path.join(folder, 'secret') } },
          },
        ],
      };
    },
  });
  bench.token = issuer.token();
  await bench.warm('counting', 'read_report');
  url = bench.serverUrl('counting');
});
after(async () => {
  await bench?.stop();
  await asked.stop();
});

/** A key of a caller: the tokens bound to it, and its proofs. */
class Holder {
  constructor(type = 'ec') {
    const options = { ec: { namedCurve: 'P-256' }, rsa: { modulusLength: 2048 }, ed25519: {} }[type];
    this.type = type;
    Object.assign(this, crypto.generateKeyPairSync(type, options));
    this.jwk = this.publicKey.export({ format: 'jwk' });
    const { e, n, crv, kty, x, y } = this.jwk;
    const members = { ec: { crv, kty, x, y }, rsa: { e, kty, n }, ed25519: { crv, kty, x } }[type];
    this.thumbprint = crypto.createHash('sha256').update(JSON.stringify(members)).digest('base64url');
  }

  token(from = issuer) {
    return from.token({ claims: { cnf: { jkt: this.thumbprint } } });
  }

  proof(token, claims = {}) {
    const alg = { ec: 'ES256', rsa: 'RS256', ed25519: 'EdDSA' }[this.type];
    const ath = crypto.createHash('sha256').update(token).digest('base64url');
    const signed = [
      { typ: 'dpop+jwt', alg, jwk: this.jwk },
      { htm: 'POST', htu: url, iat: now(), jti: crypto.randomUUID(), ath, ...claims },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const hash = this.type === 'ed25519' ? null : 'sha256';
    const signature = crypto.sign(hash, signed, { key: this.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }
}

const holder = new Holder();

function send(scheme, token, ...proofs) {
  const call = modernCall('read_report');
  const fields = [['Authorization', `${scheme} ${token}`], ...proofs.map((proof) => ['DPoP', proof])];
  return rawRequest(url, { ...call, headers: [...call.headers, ...fields] });
}

for (const type of ['ec', 'rsa', 'ed25519']) {
  test(`proofs of a key of type ${type}`, async () => {
    const caller = new Holder(type);
    const token = caller.token();
    for (let i = 0; i < 8; i++) {
      assert.equal((await send('DPoP', token, caller.proof(token))).status, 200);
    }
  });
}

test('a proof is good once, on whichever loop', async () => {
  const token = holder.token();
  const proof = holder.proof(token);
  assert.equal((await send('DPoP', token, proof)).status, 200);
  const outcomes = await bench.refusedAll(Array.from({ length: 8 }, () => () => send('DPoP', token, proof)));
  for (const { answer, record } of outcomes) {
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate'), /^DPoP .*error="invalid_dpop_proof".*algs="[^"]*ES256/);
    assert.equal(record.code, 'proof.replayed');
  }
});

test('what is refused', async (t) => {
  const token = holder.token();
  const plain = issuer.token();
  const other = new Holder();
  const rows = [
    ['a bound token as a bearer token', 'token.binding', () => send('Bearer', token, holder.proof(token))],
    ['a bound token without a proof', 'proof.missing', () => send('DPoP', token)],
    ['two proofs', 'proof.repeated', () => send('DPoP', token, holder.proof(token), holder.proof(token))],
    ['a token without a key', 'token.unbound', () => send('DPoP', plain, holder.proof(plain))],
    ['another key', 'proof.other_key', () => send('DPoP', token, other.proof(token))],
    ['another token', 'proof.token', () => send('DPoP', token, holder.proof(holder.token()))],
    ['another address', 'proof.address', () => send('DPoP', token, holder.proof(token, { htu: `${bench.gateway.origin}/mcp` }))],
    ['another method', 'proof.method', () => send('DPoP', token, holder.proof(token, { htm: 'GET' }))],
    ['an old proof', 'proof.time', () => send('DPoP', token, holder.proof(token, { iat: now() - 120 }))],
    ['a bearer token where all are bound', 'token.unbound', () => send('Bearer', demanding.token())],
  ];
  const outcomes = await bench.refusedAll(rows.map(([, , request]) => request));
  for (const [i, [name, code]] of rows.entries()) {
    await t.test(name, () => {
      assert.equal(outcomes[i].answer.status, 401);
      assert.equal(outcomes[i].record.type, 'auth.reject');
      assert.equal(outcomes[i].record.code, code);
    });
  }
});

test('a nonce is asked for, given out and taken', async () => {
  const token = holder.token(demanding);
  const { answer, record } = await bench.refused(() => send('DPoP', token, holder.proof(token)));
  assert.equal(record.code, 'proof.nonce');
  assert.match(answer.headers.get('www-authenticate'), /^DPoP .*error="use_dpop_nonce"/);
  const nonce = answer.headers.get('dpop-nonce');
  assert.match(nonce, /^[A-Za-z0-9_-]{43}$/);
  assert.equal((await send('DPoP', token, holder.proof(token, { nonce }))).status, 200);
  assert.equal((await bench.refused(() => send('DPoP', token, holder.proof(token, { nonce: `${nonce}x` })))).record.code, 'proof.nonce');
});

test('what an issuer says that its token is bound to counts', async (t) => { // RFC 9449 §6.2
  const says = (answer) => asked.token({ active: true, sub: 'alice', aud: AUDIENCE, roles: ['Developers'], exp: now() + 600, ...answer });
  const token = says({ token_type: 'DPoP', cnf: { jkt: holder.thumbprint } });
  const plain = says({ token_type: 'Bearer' });
  // For every loop, and for what is remembered there.
  for (let i = 0; i < 8; i++) assert.equal((await send('DPoP', token, holder.proof(token))).status, 200);
  const rows = [
    ['as a bearer token', 'token.binding', () => send('Bearer', token, holder.proof(token))],
    ['without a proof', 'proof.missing', () => send('DPoP', token)],
    ['with the proof of another key', 'proof.other_key', () => send('DPoP', token, new Holder().proof(token))],
    ['a proof for another token', 'proof.token', () => send('DPoP', token, holder.proof(plain))],
    ['with a proof, and bound to nothing', 'token.unbound', () => send('DPoP', plain, holder.proof(plain))],
    ['of this type, and bound to nothing', 'token.binding', () => send('DPoP', says({ token_type: 'DPoP' }), holder.proof(plain))],
  ];
  const outcomes = await bench.refusedAll(rows.map(([, , request]) => request));
  for (const [i, [name, code]] of rows.entries()) {
    await t.test(name, () => {
      assert.equal(outcomes[i].answer.status, 401);
      assert.equal(outcomes[i].record.code, code);
    });
  }
});

test('the metadata says which proofs are taken', async () => {
  const metadata = await (await fetch(`${bench.gateway.origin}/.well-known/oauth-protected-resource/servers/counting/mcp`)).json();
  assert.ok(metadata.dpop_signing_alg_values_supported.includes('ES256'));
  assert.equal(metadata.dpop_bound_access_tokens_required, undefined);
});
