// The gateway with a real authorization server whose tokens only it can read: the server is asked about them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Bench, modernCall, rawRequest } from '../integration/helpers.mjs';
import { ASKING, AuthorizationServer } from '../peers/authorization-server.mjs';
import { connectModern, resultText } from '../peers/support.mjs';

const AUDIENCE = 'https://opaque.tests.example/mcp';
const OTHER = 'https://other.tests.example/mcp';
const SIGNED = 'https://signed.tests.example/mcp';
const QUESTIONS = '/token/introspection';

const provider = await new AuthorizationServer({
  resources: { [AUDIENCE]: 'mcp:call', [OTHER]: 'mcp:call', [SIGNED]: 'mcp:call' }, opaque: [AUDIENCE, OTHER], roles: { alice: ['Developers'] },
}).start();
let bench;

/** The entry of the server; more: members of introspection. Where it is asked, its metadata say. */
function entry(more = {}) {
  return {
    name: 'provider', issuer: provider.url, audience: AUDIENCE, roles: ['Developers'],
    introspection: { client_id: ASKING.client_id, client_secret: { env: 'ASKING_SECRET' }, ...more },
  };
}

before(async () => {
  bench = await Bench.start({
    isLegacy: false,
    hasRealServers: false,
    config: {
      identity: [{ name: 'development', preset: 'development', roles: ['Developers'] }, entry({ cache_s: 0 })],
      limits: { introspection_timeout_ms: 30000 }, // the machine may be busy
    },
    environment: { ASKING_SECRET: ASKING.client_secret },
  });
  await bench.warm('counting', 'read_report');
});
after(async () => {
  await bench?.stop();
  await provider.stop();
});

const call = (token) => rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token);
const asked = () => provider.requests.filter((path) => path === QUESTIONS).length;

/** A token is refused in all three looks. */
async function refused(token, status, code) {
  const { answer, record } = await bench.refused(() => call(token));
  assert.equal(answer.status, status);
  assert.deepEqual([record.type, record.code], ['auth.reject', code]);
}

test('an opaque token lets a client call', async () => {
  const token = await provider.token({ resource: AUDIENCE });
  assert.ok(!token.includes('.'), 'it is opaque');
  const client = await connectModern(bench.serverUrl('counting'), token);
  assert.equal(resultText(await client.callTool({ name: 'read_report', arguments: {} })), 'read_report');
  await client.close();
});

test('who has no role is known and denied', async () => {
  const token = await provider.token({ resource: AUDIENCE, subject: 'mallory' });
  const { answer, record } = await bench.refused(() => call(token));
  assert.equal(answer.messages[0].result.isError, true);
  assert.equal(record.subject, 'mallory');
});

test('a token that is taken back is refused with the next request', async () => {
  const token = await provider.token({ resource: AUDIENCE });
  assert.equal((await call(token)).status, 200);
  await provider.revoke(token);
  await refused(token, 401, 'token.inactive');
});

test('other tokens of the server are refused', async () => {
  await refused(await provider.token({ resource: OTHER }), 401, 'token.audience');
  await refused(await provider.token({ resource: AUDIENCE, kind: 'refresh' }), 401, 'token.kind');
  await refused('nobody-gave-this-out', 401, 'token.inactive');
  const before = asked();
  await refused(await provider.token({ resource: SIGNED }), 401, 'token.issuer');
  assert.equal(asked(), before, 'nobody was asked about a signed token');
});

test('a server that is down lets nobody in, and everybody when it is back', async () => {
  const token = await provider.token({ resource: AUDIENCE });
  provider.isDown = true;
  await refused(token, 503, 'identity_unavailable');
  provider.isDown = false;
  assert.equal((await call(token)).status, 200);
});

/** The metadata say this besides, after the next reload. */
async function say(change) {
  provider.intercept = undefined;
  const document = await (await fetch(`${provider.url}/.well-known/openid-configuration`)).json();
  provider.intercept = (request, response) => {
    if (!request.url.startsWith('/.well-known/')) return false;
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ ...document, ...change }));
    return true;
  };
  await bench.reload();
}

for (const [name, introspection_endpoint] of [
  ['nowhere', undefined], ['at another host', 'https://evil.tests.example/token/introspection'], ['at an address that is none', '/token/introspection'],
]) {
  test(`a server whose metadata say that it is asked ${name} is not asked`, async () => {
    const token = await provider.token({ resource: AUDIENCE });
    assert.equal((await call(token)).status, 200);
    await say({ introspection_endpoint });
    const before = asked();
    await refused(token, 503, 'identity_unavailable');
    assert.equal(asked(), before);
    assert.match(bench.gateway.child.errors, /nobody can be asked about tokens of 'provider'/);
    provider.intercept = undefined;
    await bench.reload();
    assert.equal((await call(token)).status, 200);
  });
}

test('a server that is asked at another address by now is asked there', async () => {
  const token = await provider.token({ resource: AUDIENCE });
  await say({ introspection_endpoint: `${provider.url}${QUESTIONS}?moved` });
  assert.equal((await call(token)).status, 200);
  assert.ok(provider.requests.includes(`${QUESTIONS}?moved`));
  provider.intercept = undefined;
  await bench.reload();
});
