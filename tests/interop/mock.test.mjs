// The gateway with oauth2-mock-server as its issuer, which signs whatever it is told to and adds keys while it runs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Bench, modernCall, rawRequest } from '../integration/helpers.mjs';
import { startMockIssuer } from '../peers/mock-issuer.mjs';

const AUDIENCE = 'aegis';
const server = await startMockIssuer('first');
let bench;

before(async () => {
  bench = await Bench.start({
    isLegacy: false,
    hasRealServers: false,
    config: {
      identity: [{ name: 'mock', issuer: server.issuer.url, audience: AUDIENCE, jwks: `${server.issuer.url}/jwks`, roles: ['Developers'] }],
    },
  });
  bench.token = await token();
  await bench.warm('counting', 'read_report');
});
after(async () => {
  await bench?.stop();
  await server.stop();
});

/** A good token of alice, but for what `change(header, payload)` does to it. */
function token(change = () => {}, kid = 'first') {
  return server.issuer.buildToken({
    kid,
    scopesOrTransform: (header, payload) => {
      Object.assign(header, { typ: 'at+jwt' });
      Object.assign(payload, { aud: AUDIENCE, sub: 'alice', client_id: 'tests', roles: ['Developers'] });
      change(header, payload);
    },
  });
}

const call = (presented) => rawRequest(bench.serverUrl('counting'), modernCall('read_report'), presented);

for (const [name, change] of [
  ['marked at+jwt', () => {}],
  ['marked application/at+jwt', (header) => { header.typ = 'application/at+jwt'; }],
  ['marked JWT, with a right', (header) => { header.typ = 'JWT'; }],
  ['with several audiences', (header, payload) => { payload.aud = ['another', AUDIENCE]; }],
]) {
  test(`a token ${name} serves`, async () => assert.equal((await call(await token(change))).status, 200));
}

for (const [name, code, change] of [
  ['without kid', 'token.key', (header) => { delete header.kid; }],
  ['with a kid of another', 'token.key', (header) => { header.kid = 'other'; }],
  ['with a kid that is a number', 'token.header', (header) => { header.kid = 7; }],
  ['of another kind', 'token.kind', (header) => { header.typ = 'dpop+jwt'; }],
  ['marked JWT, without a right', 'token.kind', (header, payload) => { header.typ = 'JWT'; delete payload.roles; }],
  ['marked JWT, of a sign-in', 'token.kind', (header, payload) => { header.typ = 'JWT'; payload.nonce = 'n'; }],
  ['with its key inside', 'token.header', (header) => { header.jwk = { kty: 'oct', k: 'AAAA' }; }],
  ['with the address of its key', 'token.header', (header) => { header.jku = `${server.issuer.url}/jwks`; }],
  ['with a subject that is a number', /^token\.(claim|subject)$/, (header, payload) => { payload.sub = 7; }],
  ['with an audience that is an object', /^token\.(claim|audience)$/, (header, payload) => { payload.aud = { aegis: true }; }],
  ['with no audience', 'token.audience', (header, payload) => { delete payload.aud; }],
  ['with an end that is text', 'token.claim', (header, payload) => { payload.exp = String(payload.exp); }],
  ['with no end', 'token.no_expiry', (header, payload) => { delete payload.exp; }],
  ['that names no issuer', 'token.issuer', (header, payload) => { delete payload.iss; }],
  ['whose issuer has a slash more', 'token.issuer', (header, payload) => { payload.iss += '/'; }],
]) {
  test(`a token ${name} is refused`, async () => {
    const presented = await token(change);
    const { answer, record } = await bench.refused(() => call(presented));
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/);
    assert.equal(record.type, 'auth.reject');
    if (code instanceof RegExp) assert.match(record.code, code);
    else assert.equal(record.code, code);
  });
}

test('a key that is added while it runs serves besides the first', async () => {
  await server.issuer.keys.generate('RS256', { kid: 'second' });
  await bench.reload();
  for (const kid of ['second', 'first']) assert.equal((await call(await token(() => {}, kid))).status, 200);
});
