// What the gateway has to stand with the keys of any authorization server that it knows by the issuer alone: rotated under
// load without a reload, looked for when a token names one that nobody has, kept while the provider is down or slow, and
// never those of another provider.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Bench, modernCall, rawRequest } from '../integration/helpers.mjs';

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
    config: { identity: Object.entries(providers).map(([name, { entry }]) => ({ name, roles: ['Developers'], ...entry })) },
  });
}

const call = (bench, token) => rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token);
const status = async (bench, token) => (await call(bench, token)).status;

/** A token in a provider's name, signed by a key that it has not published. */
function unpublished({ entry, type = 'at+jwt' }, kid) {
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: entry.issuer, aud: entry.audience, sub: 'alice', exp: Math.floor(Date.now() / 1000) + 600, scope: 'mcp:call', client_id: 'x' };
  const text = `${part({ alg: 'RS256', typ: type, kid })}.${part(claims)}`;
  return `${text}.${crypto.sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}

/** How long a refusal takes. */
async function refusalMs(bench, token) {
  const begin = performance.now();
  assert.equal(await status(bench, token), 401);
  return performance.now() - begin;
}

async function refused(bench, token, code) {
  const { answer, record } = await bench.refused(() => call(bench, token));
  assert.equal(answer.status, 401);
  assert.equal(record.code, code);
}

/**
 * Defines the tests. `start(index)`: the first provider, or another: `entry`, members of its entry of `identity`, with issuer
 * and audience; `token()`, a good one; `rotate()`, another key signs, and perhaps the old one is gone; `restore()`, it is
 * there again; `type`, of its tokens, unless `at+jwt`; `jwksPath`; `faults`, with `isDown`, `intercept` and `requests`; `stop()`; `tokenAs(issuer)`, signed in
 * another's name, if signsForOthers.
 */
export function proveKeys(name, start, { signsForOthers = true } = {}) {
  /** A provider and a gateway for the tests of one suite. */
  function suite(title, define, prepare = async () => {}) {
    describe(`${name}: ${title}`, () => {
      const shared = {};
      before(async () => {
        shared.provider = await start(0);
        await prepare(shared.provider, shared);
        shared.bench = await startBench({ provider: shared.provider });
      });
      after(async () => {
        await shared.bench?.stop();
        await shared.provider?.stop();
      });
      define(shared);
    });
  }

  suite('keys that rotate', (shared) => {
    test('are found by the issuer alone', async () => {
      assert.equal(await status(shared.bench, await shared.provider.token()), 200);
      assert.ok(shared.provider.faults.requests.some((path) => path.includes('/.well-known/')));
    });

    test('fail no call under load', async (t) => {
      const { bench, provider } = shared;
      const oldToken = await provider.token();
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
      // At once, as in an emergency.
      await provider.rotate();
      tokens = [await provider.token()];
      await phase();
      // Another server of the provider still had the old key a moment ago.
      tokens = [...tokens, oldToken];
      await phase();
      await provider.restore();
      await phase();
      isOver = true;
      await Promise.all(workers);
      assert.deepEqual([...new Set(statuses)], [200]);
      t.diagnostic(`${statuses.length} calls, none failed`);
    });

    test('cost the provider two requests, whatever tokens name', async () => {
      const { bench, provider } = shared;
      const count = () => provider.faults.requests.filter((path) => path === provider.jwksPath).length;
      const begin = count();
      for (let i = 0; i < 10; i++) assert.equal(await status(bench, unpublished(provider, `invented-${i}`)), 401);
      assert.ok(count() - begin <= 2, `${count() - begin} requests`);
    });
  });

  suite('a provider that is down', (shared) => {
    test('has its keys used, and unknown ones refused at once', async (t) => {
      const { bench, provider } = shared;
      const good = await provider.token();
      const unknown = Array.from({ length: 4 }, (_, i) => unpublished(provider, `unknown-${i}`));
      assert.equal(await status(bench, good), 200);
      provider.faults.isDown = true;
      for (const token of unknown.slice(0, 2)) assert.equal(await status(bench, token), 401);
      // The budget is used now.
      const took = [];
      for (const token of unknown) took.push(await refusalMs(bench, token));
      assert.ok(Math.max(...took) < NO_WAIT_MS, `refused after ${took}`);
      assert.equal(await status(bench, good), 200);
      t.diagnostic(`refused after ${took.map((ms) => ms.toFixed(1))} ms`);
    });
  });

  suite('a provider that is slow', (shared) => {
    test('holds up nobody but whoever needs it, and that one for a while', async (t) => {
      const { bench, provider } = shared;
      const good = await provider.token();
      assert.equal(await status(bench, good), 200);
      provider.faults.intercept = () => true; // nobody ever answers
      const begin = performance.now();
      let isOver = false;
      const waiting = call(bench, unpublished(provider, 'unknown')).then((answer) => {
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

  suite('metadata of another issuer', (shared) => {
    test('is not followed', async () => {
      assert.equal(await status(shared.bench, shared.token), 503);
      assert.ok(!shared.provider.faults.requests.slice(shared.seen).includes(shared.provider.jwksPath));
      assert.match(shared.bench.gateway.child.errors, /its metadata is that of issuer/);
    });
  }, async (provider, shared) => {
    const { issuer } = provider.entry;
    shared.token = await provider.token();
    shared.seen = provider.faults.requests.length;
    provider.faults.intercept = (request, response) => {
      if (!request.url.includes('/.well-known/')) return false;
      response.writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ issuer: `${issuer}/`, jwks_uri: new URL(provider.jwksPath, issuer).href }));
      return true;
    };
  });

  describe(`${name}: two tenants`, () => {
    let both;
    let second;
    let one;
    let two;

    before(async () => {
      one = await start(0);
      two = await start(1);
      both = await startBench({ one, two });
      second = await startBench({ two });
    });
    after(async () => {
      await second?.stop();
      await both?.stop();
      await two?.stop();
      await one?.stop();
    });

    test('serve with their own keys', async () => {
      assert.equal(await status(both, await one.token()), 200);
      assert.equal(await status(both, await two.token()), 200);
    });

    test('are not one because their servers are alike', async () => refused(second, await one.token(), 'token.issuer'));

    for (const [title, signer, claimed] of signsForOthers ? [['the first', () => one, () => two], ['the second', () => two, () => one]] : []) {
      test(`are not mixed up: ${title} signs for the other`, async () =>
        refused(both, await signer().tokenAs(claimed().entry.issuer), 'token.signature'));
    }
  });
}
