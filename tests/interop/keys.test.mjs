// Keys of real authorization servers that are found by the issuer alone: rotated under load without a reload, looked for
// when a token names one that nobody has, kept while the provider is down or slow, and never those of another provider.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Bench, modernCall, rawRequest } from '../integration/helpers.mjs';
import { AuthorizationServer, signingKey } from '../peers/authorization-server.mjs';

const AUDIENCE = 'https://gateway.tests.example/mcp';
const OPTIONS = { resources: { [AUDIENCE]: 'mcp:call' }, roles: { alice: ['Developers'] } };
const LOAD_WORKERS = 4;
const PHASE_CALLS = 100;
// Requests that wait for a key do so for 2 s: whoever is refused sooner by far has not waited.
const NO_WAIT_MS = 1000;
const WAIT_MS = 2000;

/** A gateway that knows of each provider its name and its issuer, and nothing else. */
async function startBench(providers) {
  return Bench.start({
    isLegacy: false,
    hasRealServers: false,
    config: {
      identity: Object.entries(providers).map(([name, { url }]) => ({ name, issuer: url, audience: AUDIENCE, roles: ['Developers'] })),
    },
  });
}

const call = (bench, token) => rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token);
const status = async (bench, token) => (await call(bench, token)).status;
const tokenOf = (provider, more = {}) => provider.token({ resource: AUDIENCE, ...more });

/** A token signed by a key that the provider has not published. */
async function unpublished(provider, kid) {
  const { keys } = provider;
  provider.publish([signingKey(kid)]);
  const token = await tokenOf(provider);
  provider.publish(keys);
  return token;
}

/** How long a refusal takes. */
async function refusalMs(bench, token) {
  const begin = performance.now();
  assert.equal(await status(bench, token), 401);
  return performance.now() - begin;
}

describe('keys that rotate', () => {
  let bench;
  let provider;

  before(async () => {
    provider = await new AuthorizationServer(OPTIONS).start();
    bench = await startBench({ provider });
  });
  after(async () => {
    await bench?.stop();
    await provider?.stop();
  });

  test('are found by the issuer alone', async () => {
    assert.equal(await status(bench, await tokenOf(provider)), 200);
    assert.ok(provider.requests.includes('/.well-known/oauth-authorization-server'));
  });

  test('fail no call under load', async () => {
    const [oldKey] = provider.keys;
    const newKey = signingKey('new');
    const oldToken = await tokenOf(provider);
    const statuses = [];
    let tokens = [oldToken];
    let isOver = false;
    const workers = Array.from({ length: LOAD_WORKERS }, async () => {
      while (!isOver) statuses.push(await status(bench, tokens[statuses.length % tokens.length]));
    });
    const phase = async () => {
      for (const end = statuses.length + PHASE_CALLS; statuses.length < end;) await sleep(5);
    };
    await phase();
    // At once, as in an emergency: the old key is gone and the new one signs.
    provider.publish([newKey]);
    tokens = [await tokenOf(provider)];
    await phase();
    // Another server of the provider still had the old key a moment ago.
    tokens = [...tokens, oldToken];
    await phase();
    provider.publish([newKey, oldKey]);
    await phase();
    isOver = true;
    await Promise.all(workers);
    assert.deepEqual([...new Set(statuses)], [200]);
  });

  test('cost the provider two requests, whatever tokens name', async () => {
    const count = () => provider.requests.filter((path) => path === '/jwks').length;
    const tokens = [];
    for (let i = 0; i < 10; i++) tokens.push(await unpublished(provider, `invented-${i}`));
    const begin = count();
    for (const token of tokens) assert.equal(await status(bench, token), 401);
    assert.ok(count() - begin <= 2, `${count() - begin} requests`);
  });
});

describe('a provider that is down', () => {
  let bench;
  let provider;
  let good;
  const unknown = [];

  before(async () => {
    provider = await new AuthorizationServer(OPTIONS).start();
    bench = await startBench({ provider });
    good = await tokenOf(provider);
    for (let i = 0; i < 4; i++) unknown.push(await unpublished(provider, `unknown-${i}`));
    assert.equal(await status(bench, good), 200);
    provider.isDown = true;
  });
  after(async () => {
    await bench?.stop();
    await provider?.stop();
  });

  test('has its keys used, and unknown ones refused at once', async (t) => {
    for (const token of unknown.slice(0, 2)) assert.equal(await status(bench, token), 401);
    // The budget is used now.
    const took = [];
    for (const token of unknown) took.push(await refusalMs(bench, token));
    assert.ok(Math.max(...took) < NO_WAIT_MS, `refused after ${took}`);
    assert.equal(await status(bench, good), 200);
    t.diagnostic(`refused after ${took.map((ms) => ms.toFixed(1))} ms`);
  });
});

describe('a provider that is slow', () => {
  let bench;
  let provider;
  let good;
  let unknown;

  before(async () => {
    provider = await new AuthorizationServer(OPTIONS).start();
    bench = await startBench({ provider });
    good = await tokenOf(provider);
    unknown = await unpublished(provider, 'unknown');
    assert.equal(await status(bench, good), 200);
    provider.intercept = () => true; // nobody ever answers
  });
  after(async () => {
    await bench?.stop();
    await provider?.stop();
  });

  test('holds up nobody but whoever needs it, and that one for a while', async (t) => {
    const begin = performance.now();
    let isOver = false;
    const waiting = call(bench, unknown).then((answer) => {
      isOver = true;
      return answer;
    });
    let others = 0;
    while (!isOver) {
      assert.equal(await status(bench, good), 200);
      others++;
    }
    assert.equal((await waiting).status, 401);
    const took = performance.now() - begin;
    assert.ok(took >= WAIT_MS - 100, `it waited for ${took} ms only`);
    assert.ok(others > 10, `${others} others`);
    t.diagnostic(`refused after ${Math.round(took)} ms, ${others} others meanwhile`);
  });
});

describe('metadata of another issuer', () => {
  let bench;
  let provider;
  let token;

  before(async () => {
    provider = await new AuthorizationServer(OPTIONS).start();
    token = await tokenOf(provider);
    provider.intercept = (request, response) => {
      if (!request.url.startsWith('/.well-known/')) return false;
      response.writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ issuer: `${provider.url}/`, jwks_uri: provider.jwksUrl }));
      return true;
    };
    bench = await startBench({ provider });
  });
  after(async () => {
    await bench?.stop();
    await provider?.stop();
  });

  test('is not followed', async () => {
    assert.equal(await status(bench, token), 503);
    assert.ok(!provider.requests.includes('/jwks'));
    assert.match(bench.gateway.child.errors, /its metadata is that of issuer/);
  });
});

describe('two tenants', () => {
  let bench;
  let one;
  let two;

  before(async () => {
    one = await new AuthorizationServer(OPTIONS).start();
    two = await new AuthorizationServer(OPTIONS).start();
    // Both name their key alike.
    one.publish([signingKey('shared')]);
    two.publish([signingKey('shared')]);
    bench = await startBench({ one, two });
  });
  after(async () => {
    await bench?.stop();
    await one?.stop();
    await two?.stop();
  });

  test('serve with their own keys', async () => {
    assert.equal(await status(bench, await tokenOf(one)), 200);
    assert.equal(await status(bench, await tokenOf(two)), 200);
  });

  for (const [name, signer, claimed] of [['the first', () => one, () => two], ['the second', () => two, () => one]]) {
    test(`are not mixed up: ${name} signs for the other`, async () => {
      const token = await tokenOf(signer(), { claims: { iss: claimed().url } });
      const { answer, record } = await bench.refused(() => call(bench, token));
      assert.equal(answer.status, 401);
      assert.equal(record.code, 'token.signature');
    });
  }
});
