// The gateway with a real authorization server as its issuer: its tokens and what resembles them, keys that rotate under
// load, and a provider that is down.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Bench, modernCall, rawRequest } from '../integration/helpers.mjs';
import { AuthorizationServer, signingKey } from '../peers/authorization-server.mjs';
import { signIn } from '../peers/browser.mjs';
import { connectModern, resultText } from '../peers/support.mjs';

const AUDIENCE = 'https://gateway.tests.example/mcp';
const OTHER = 'https://other.tests.example/mcp';
const RESOURCES = { [AUDIENCE]: 'mcp:call', [OTHER]: 'mcp:call' };
const ROLES = { alice: ['Developers'] };
const APP = {
  client_id: 'app', redirect_uris: ['https://app.tests.example/back'], token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
};
const LOAD_WORKERS = 4;
const PHASE_CALLS = 100;
const now = () => Math.floor(Date.now() / 1000);

const provider = await new AuthorizationServer({ resources: RESOURCES, roles: ROLES, clients: [APP] }).start();
const stranger = await new AuthorizationServer({ resources: RESOURCES, roles: ROLES }).start();
let bench;

before(async () => {
  bench = await Bench.start({
    isLegacy: false,
    hasRealServers: false,
    config: {
      // The application's own id is an audience here: one registration for both is common, and what its ID tokens name.
      identity: [{ name: 'provider', issuer: provider.url, audience: [AUDIENCE, APP.client_id], jwks: provider.jwksUrl, roles: ['Developers'] }],
    },
  });
  bench.token = await provider.token({ resource: AUDIENCE });
  await bench.warm('counting', 'read_report');
});
after(async () => {
  await bench?.stop();
  await provider.stop();
  await stranger.stop();
});

/** The status of one call. */
async function status(token) {
  return (await rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token)).status;
}

/** A token is refused in all three looks. */
async function refused(token, code) {
  const { answer, record } = await bench.refused(() => rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token));
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/);
  assert.equal(record.type, 'auth.reject');
  assert.equal(record.code, code);
}

/** The tokens of a sign-in with the browser, as the application gets them. */
async function signInToApp() {
  const verifier = crypto.randomBytes(32).toString('base64url');
  const redirect_uri = APP.redirect_uris[0];
  const query = new URLSearchParams({
    client_id: APP.client_id, redirect_uri, response_type: 'code', scope: 'openid mcp:call', resource: AUDIENCE, state: 'one', nonce: 'two',
    code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  const back = new URL(await signIn(`${provider.url}/auth?${query}`));
  const form = { grant_type: 'authorization_code', client_id: APP.client_id, redirect_uri, code: back.searchParams.get('code'), code_verifier: verifier };
  const response = await fetch(`${provider.url}/token`, { method: 'POST', body: new URLSearchParams(form) });
  assert.equal(response.status, 200);
  return response.json();
}

describe('tokens', () => {
  for (const algorithm of ['ES256', 'RS256']) {
    test(`signed ${algorithm} let a client call`, async () => {
      provider.publish([...provider.keys].sort((a, b) => (b.alg === algorithm) - (a.alg === algorithm)));
      const client = await connectModern(bench.serverUrl('counting'), await provider.token({ resource: AUDIENCE }));
      assert.equal(resultText(await client.callTool({ name: 'read_report', arguments: {} })), 'read_report');
      await client.close();
    });
  }

  test('without the role are known and denied', async () => {
    const call = modernCall('read_report');
    const { answer, record } = await bench.refused(async () =>
      rawRequest(bench.serverUrl('counting'), call, await provider.token({ resource: AUDIENCE, subject: 'mallory' })));
    assert.equal(answer.status, 200);
    assert.equal(answer.messages[0].result.isError, true);
    assert.equal(record.subject, 'mallory');
  });

  const rows = [
    ['that have expired', 'token.expired', () => provider.token({ resource: AUDIENCE, claims: { exp: now() - 120 } })],
    ['of tomorrow', 'token.not_yet_valid', () => provider.token({ resource: AUDIENCE, claims: { nbf: now() + 86400 } })],
    ['for another resource', 'token.audience', () => provider.token({ resource: OTHER })],
    ['of a foreign issuer', 'token.issuer', () => stranger.token({ resource: AUDIENCE })],
    ['of a foreign issuer in our name', 'token.key', async () => {
      stranger.publish([signingKey('hidden')]);
      return stranger.token({ resource: AUDIENCE, claims: { iss: provider.url } });
    }],
    ['of a foreign issuer in our name and our key\'s', 'token.signature', async () => {
      stranger.publish([signingKey(provider.keys[0].kid, provider.keys[0].alg)]);
      return stranger.token({ resource: AUDIENCE, claims: { iss: provider.url } });
    }],
    ['that tell of a sign-in', 'token.kind', async () => (await signInToApp()).id_token],
    ['that are for another purpose', 'token.kind', () => provider.token({ resource: AUDIENCE, header: { typ: 'logout+jwt' } })],
    ['that only renew', 'token.malformed', async () => (await signInToApp()).refresh_token],
  ];
  for (const [name, code, token] of rows) {
    test(`${name} are refused`, async () => refused(await token(), code));
  }
});

test('keys rotate under load and no call fails', async () => {
  const oldKey = signingKey('old');
  const newKey = signingKey('new');
  provider.publish([oldKey]);
  await bench.reload();
  const oldToken = await provider.token({ resource: AUDIENCE });
  const statuses = [];
  let tokens = [oldToken];
  let isOver = false;
  const load = Promise.all(Array.from({ length: LOAD_WORKERS }, async () => {
    while (!isOver) statuses.push(await status(tokens[statuses.length % tokens.length]));
  }));
  /** Lets the load go on for a while. */
  const phase = async () => {
    for (const end = statuses.length + PHASE_CALLS; statuses.length < end && !isOver;) await sleep(5);
  };
  const rotate = async () => {
    await phase();
    provider.publish([oldKey, newKey]);
    await bench.reload();
    provider.publish([newKey, oldKey]);
    const newToken = await provider.token({ resource: AUDIENCE });
    tokens = [oldToken, newToken];
    await phase();
    tokens = [newToken];
    await phase();
    provider.publish([newKey]);
    await bench.reload();
    await phase();
  };
  try {
    // A call that gets no answer ends the test, and the others with it.
    await Promise.race([load, rotate()]);
  } finally {
    isOver = true;
  }
  await load;
  assert.deepEqual([...new Set(statuses)], [200]);
  await refused(oldToken, 'token.key');
});

describe('while the provider is down', () => {
  let good;
  let unknown;

  before(async () => {
    good = await provider.token({ resource: AUDIENCE });
    const { keys } = provider;
    provider.publish([signingKey('unseen')]);
    unknown = await provider.token({ resource: AUDIENCE });
    provider.publish(keys);
    provider.isDown = true;
    await bench.reload();
  });
  after(() => {
    provider.isDown = false;
  });

  test('the keys read before serve', async () => {
    const client = await connectModern(bench.serverUrl('counting'), good);
    assert.equal(resultText(await client.callTool({ name: 'read_report', arguments: {} })), 'read_report');
    await client.close();
  });

  test('a token with an unknown key is refused', async (t) => {
    const begin = performance.now();
    await refused(unknown, 'token.key');
    t.diagnostic(`refused, and its record seen, after ${Math.round(performance.now() - begin)} ms`);
  });
});
