// `aegis connect` between a client that starts it as a program and a gateway whose issuer is a real authorization server,
// which registers clients by itself. The person and the browser are the test's.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { Authority } from '../integration/certificates.mjs';
import { Bench, sanitizerReports } from '../integration/helpers.mjs';
import { AuthorizationServer, signingKey } from '../peers/authorization-server.mjs';
import { signIn } from '../peers/browser.mjs';
import { FaultProxy } from '../peers/fault-proxy.mjs';
import { startMockIssuer } from '../peers/mock-issuer.mjs';
import { ProtectedServer } from '../peers/protected-server.mjs';
import { aegis, resultText, rootFolder, startStdio, until } from '../peers/support.mjs';

const AUDIENCE = 'https://gateway.tests.example';
const ADDRESS = /^aegis: sign in to \S+ with your browser: (\S+)$/m;
const APP = {
  client_id: 'desktop', redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none', application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
};
const read = (client) => client.callTool({ name: 'read_report', arguments: {} });

const provider = await new AuthorizationServer({
  audience: AUDIENCE, roles: { alice: ['Developers'] }, clients: [APP], provider: { features: { registration: { enabled: true }, revocation: { enabled: true } } },
}).start();
const remote = await new ProtectedServer(provider.url).start();
provider.resources[remote.origin] = 'mcp:call mcp:admin';
const sessions = [];
let bench;
let url;
let programs;
let stateCount = 0;
let startCount = 0;

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: {
      listen: { address: '127.0.0.1:0', scopes: ['mcp:call'] },
      policies: [path.join(rootFolder, 'tests/interop/policies')],
      identity: [{ name: 'provider', issuer: provider.url, audience: AUDIENCE, jwks: provider.jwksUrl, skew_s: 0, roles: ['Developers'] }],
    },
  });
  programs = path.join(bench.folder, 'programs');
  await fs.mkdir(programs);
  await fs.writeFile(path.join(programs, 'xdg-open'), '#!/bin/sh\nenv >"$AEGIS_TEST_VISITS-environment"\nprintf "%s\\n" "$1" >>"$AEGIS_TEST_VISITS"\n', { mode: 0o755 });
  url = bench.serverUrl('counting');
  provider.resources[url] = 'mcp:call mcp:admin';
});
afterEach(async () => {
  provider.intercept = undefined;
  for (const session of sessions.splice(0)) {
    await session.client.close().catch(() => {});
    assert.deepEqual(sanitizerReports(session.errors()), []);
  }
});
after(async () => {
  await bench?.stop();
  await remote.stop();
  await provider.stop();
});

/** A state folder that nobody has used. */
const freshState = () => path.join(bench.folder, `connect-${++stateCount}`);

/** A client that starts `aegis connect`; `ready` when it has seen the tools, which only those who are signed in do. */
async function start({ era = 'legacy', state = freshState(), to = url, options = [], environment: more = {} } = {}) {
  const errorFile = path.join(bench.folder, `errors-${++startCount}`);
  const visitFile = `${errorFile}-visits`;
  const environment = { PATH: `${programs}:${process.env.PATH}`, AEGIS_TEST_VISITS: visitFile, ...more };
  const session = await startStdio(era, ['connect', ...options, '--state', state, to], errorFile, environment);
  sessions.push(session);
  const ready = session.ready.then((client) =>
    (client instanceof Error ? client : client.listTools().then(() => client, (error) => error)));
  return {
    ...session, ready, state, visits: () => fs.readFile(visitFile, 'utf8').catch(() => ''),
    environment: () => fs.readFile(`${visitFile}-environment`, 'utf8'), // that the browser had
  };
}

/** The pages that the browser was opened at, so far; waits for so many. */
async function addresses(session, count) {
  return until(() => `an address to sign in at: ${session.errors()}`, async () => {
    const found = (await session.visits()).split('\n').slice(0, -1);
    return found.length >= count && found;
  });
}

/** Nobody was asked to sign in, but so often. */
async function askedTimes(session, count) {
  assert.equal((await addresses(session, count)).length, count);
}

/** The person signs in, at the newest of so many addresses; change: what happens to the way back. Returns its page. */
async function person(session, { count = 1, change = () => {}, ...who } = {}) {
  const back = new URL(await signIn((await addresses(session, count)).at(-1), who));
  change(back.searchParams);
  return fetch(back);
}

async function connected(session) {
  const client = await session.ready;
  assert.ok(!(client instanceof Error), `${client}\n${session.errors()}`);
  return client;
}

async function notConnected(session, why) {
  assert.ok(await session.ready instanceof Error);
  await until(() => `${why}: ${session.errors()}`, () => why.test(session.errors()));
}

/** The file of the tokens, as an object, and its path. */
async function kept(state) {
  const folder = path.join(state, 'connect');
  const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.json'));
  assert.equal(names.length, 1);
  const file = path.join(folder, names[0]);
  return { file, grant: JSON.parse(await fs.readFile(file, 'utf8')) };
}

/** Somebody who has signed in before; change: what has become of the tokens since. */
async function signedIn(change) {
  const session = await start();
  assert.equal((await person(session)).status, 200);
  await (await connected(session)).close();
  const { file, grant } = await kept(session.state);
  if (change !== undefined) await fs.writeFile(file, JSON.stringify({ ...grant, ...await change(grant) }));
  return session.state;
}

/** How often the token endpoint was asked while something ran. */
async function tokenRequests(run) {
  const before_ = provider.requests.length;
  await run();
  return provider.requests.slice(before_).filter((path_) => path_ === '/token').length;
}

const expired = async () => ({
  access_token: await provider.token({ resource: url, scope: 'mcp:call', claims: { exp: Math.floor(Date.now() / 1000) - 10 } }), expires_at: 0,
});

for (const era of ['legacy', 'modern']) {
  test(`the ${era} client signs in, calls, and is known the next time`, async () => {
    const first = await start({ era });
    assert.equal((await person(first)).status, 200);
    const client = await connected(first);
    assert.equal(resultText(await read(client)), 'read_report');
    const denied = await client.callTool({ name: 'forbidden', arguments: {} });
    assert.equal(denied.isError, true);
    assert.match(resultText(denied), /this tool is forbidden by the tests/);
    await client.close();

    const { file, grant } = await kept(first.state);
    assert.equal((await fs.stat(file)).mode & 0o777, 0o600);
    assert.equal((await fs.stat(path.dirname(file))).mode & 0o777, 0o700);
    assert.deepEqual([grant.issuer, grant.resource, grant.scope], [provider.url, url, 'mcp:call']);

    const second = await start({ era, state: first.state });
    assert.equal(resultText(await read(await connected(second))), 'read_report');
    await askedTimes(second, 0);
    for (const secret of [grant.access_token, grant.refresh_token]) {
      assert.ok(secret.length > 20);
      for (const text of [first.errors(), second.errors(), bench.gateway.child.errors]) assert.ok(!text.includes(secret));
    }
  });
}

describe('a token', () => {
  test('that has expired is renewed once, for all that wait', async () => {
    const session = await start({ state: await signedIn() });
    const client = await connected(session);
    // What was signed before is worth nothing any more. The client may have told something that is still under way, and then
    // that is what waits first.
    const count = await tokenRequests(async () => {
      provider.publish([signingKey('later')]);
      await bench.reload();
      const results = await Promise.all(Array.from({ length: 8 }, () => read(client)));
      for (const result of results) assert.equal(resultText(result), 'read_report');
    });
    assert.equal(count, 1);
    await askedTimes(session, 0);
  });

  test('that expired between two runs is renewed', async () => {
    const session = await start({ state: await signedIn(expired) });
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    await askedTimes(session, 0);
  });

  test('that ends soon is renewed before anyone needs it', async () => {
    const session = await start({ state: await signedIn(() => ({ expires_at: Math.floor(Date.now() / 1000) + 1 })) });
    await connected(session);
    await until(() => `a new token: ${session.errors()}`, async () => (await kept(session.state)).grant.expires_at > Date.now() / 1000 + 100);
    assert.equal(resultText(await read(await session.ready)), 'read_report');
  });

  test('that nobody renews has the person sign in again', async () => {
    const session = await start({ state: await signedIn(async () => ({ ...await expired(), refresh_token: 'spent' })) });
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
  });

  test('whose client says nothing of how it shows itself has the person sign in again', async () => {
    const session = await start({ state: await signedIn(async () => ({ ...await expired(), client_method: 'private_key_jwt' })) });
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    assert.match(session.errors(), /do not say how their client '.+' shows who it is/);
  });

  test('in a file that others can read is not used', async () => {
    const state = await signedIn();
    await fs.chmod((await kept(state)).file, 0o644);
    await notConnected(await start({ state }), /can be read by others/);
  });

  test('is shared by two that start together', async () => {
    const one = await start();
    const [address] = await addresses(one, 1);
    const other = await start({ state: one.state });
    assert.equal((await fetch(await signIn(address))).status, 200);
    for (const session of [one, other]) assert.equal(resultText(await read(await connected(session))), 'read_report');
    await askedTimes(other, 0);
  });

  test('is renewed from what another process left, which used up the refresh token of this one', async () => {
    const state = await signedIn();
    const session = await start({ state });
    const client = await connected(session);
    const { file, grant } = await kept(state);
    const form = { grant_type: 'refresh_token', refresh_token: grant.refresh_token, client_id: grant.client_id, resource: url };
    const answer = await (await fetch(grant.token_endpoint, { method: 'POST', body: new URLSearchParams(form) })).json();
    assert.notEqual(answer.refresh_token, grant.refresh_token);
    await fs.writeFile(file, JSON.stringify({ ...grant, ...await expired(), expires_at: 1, refresh_token: answer.refresh_token }));
    provider.publish([signingKey('of the day after')]);
    await bench.reload();
    assert.equal(resultText(await read(client)), 'read_report');
    await askedTimes(session, 0);
  });

  test('is one of many processes that find it expired together', async () => {
    const state = await signedIn(expired);
    const many = await Promise.all(Array.from({ length: 4 }, () => start({ state })));
    for (const session of many) assert.equal(resultText(await read(await connected(session))), 'read_report');
    for (const session of many) await askedTimes(session, 0);
  });
});

describe('signing out', () => {
  const REVOCATION = '/token/revocation';
  const signOut = (state) => aegis('connect', '--sign-out', '--state', state, url);

  /** Signing out fails in part: the file is gone, the exit status is 1, and why is said. */
  async function half(state, why) {
    const { file } = await kept(state);
    await assert.rejects(signOut(state), ({ code, stdout, stderr }) => {
      assert.equal(code, 1);
      assert.match(stdout, /^signed out/);
      assert.match(stderr, /not every token was revoked, and one that was not is good until it ends/);
      assert.match(stderr, why);
      return true;
    });
    await assert.rejects(fs.stat(file));
  }

  /** The provider answers so at an address. */
  function answers(url_, status, body) {
    provider.intercept = (request, response) => {
      if (request.url !== url_) return false;
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
      return true;
    };
  }

  test('has both tokens revoked and forgets them', async () => {
    const state = await signedIn();
    const { file, grant } = await kept(state);
    const count = provider.requests.length;
    assert.match(await signOut(state), /^signed out/);
    assert.equal(provider.requests.slice(count).filter((path_) => path_ === REVOCATION).length, 2);
    await assert.rejects(fs.stat(file));
    const form = { grant_type: 'refresh_token', refresh_token: grant.refresh_token, client_id: grant.client_id };
    assert.equal((await fetch(grant.token_endpoint, { method: 'POST', body: new URLSearchParams(form) })).status, 400);
    await assert.rejects(signOut(state), /nobody is signed in/);
  });

  test('forgets them while the provider is down', async () => {
    const state = await signedIn();
    provider.isDown = true;
    await half(state, /cannot be asked/).finally(() => { provider.isDown = false; });
  });

  test('forgets them when the provider refuses', async () => {
    const state = await signedIn();
    answers(REVOCATION, 503, '{}');
    await half(state, /token\/revocation' answers 503/);
  });

  test('tells nobody else than the issuer that gave them', async () => {
    const state = await signedIn();
    answers('/.well-known/oauth-authorization-server', 200, JSON.stringify({ issuer: 'https://evil.tests.example', revocation_endpoint: `${remote.origin}/` }));
    await half(state, /is of another issuer/);
  });

  test('forgets what others can read, or nobody', async () => {
    for (const [mode, change] of [[0o644, undefined], [0o600, () => ({ access_token: '' })]]) {
      const state = await signedIn(change);
      await fs.chmod((await kept(state)).file, mode);
      await half(state, /can be read by others|they could not be read/);
    }
  });

  test('is done when the provider takes nothing back', async () => {
    const state = await signedIn();
    const metadata = await (await fetch(`${provider.url}/.well-known/oauth-authorization-server`)).json();
    answers('/.well-known/oauth-authorization-server', 200, JSON.stringify({ ...metadata, revocation_endpoint: undefined }));
    assert.match(await signOut(state), /^signed out/);
  });

  test('is not undone by a process that goes on', async () => {
    const state = await signedIn();
    const session = await start({ state });
    const client = await connected(session);
    provider.isDown = true;
    await half(state, /cannot be asked/).finally(() => { provider.isDown = false; });
    provider.publish([signingKey('after that')]);
    await bench.reload();
    const call = read(client);
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await call), 'read_report');
    assert.match(session.errors(), /somebody signed out/);
  });
});

describe('a sign-in fails', () => {
  afterEach(() => assert.equal(bench.counting.bytes(), bytes, 'bytes at the server behind'));
  let bytes;
  before(() => {
    bytes = bench.counting.bytes();
  });

  test('when the person says no', async () => {
    const session = await start();
    assert.equal((await person(session, { answer: 'no' })).status, 200);
    await notConnected(session, /you were not signed in: access_denied, the person said no/);
  });

  for (const [name, change] of [
    ['another issuer', (query) => query.set('iss', 'https://evil.tests.example')],
    ['no issuer', (query) => query.delete('iss')],
  ]) {
    test(`when it comes back from ${name}`, async () => {
      const session = await start();
      const count = await tokenRequests(async () => {
        assert.equal((await person(session, { change })).status, 400);
        await notConnected(session, /came back (from another issuer|without its issuer)/);
      });
      assert.equal(count, 0);
    });
  }

  test('when it comes back with an error', async () => {
    const session = await start();
    const change = (query) => {
      query.delete('code');
      query.set('error', 'server_error');
    };
    assert.equal((await person(session, { change })).status, 200);
    await notConnected(session, /you were not signed in: server_error/);
  });

  test('when the code is another\'s', async () => {
    const session = await start();
    assert.equal((await person(session, { change: (query) => query.set('code', 'guessed') })).status, 200);
    await notConnected(session, /gives no token: invalid_grant/);
  });

  test('when nobody signs in', async () => {
    await notConnected(await start({ options: ['--time-limit', '1'] }), /nobody signed in in time/);
  });

  const METADATA = '/.well-known/oauth-authorization-server';
  for (const [name, change, why] of [
    ['is of another issuer', { issuer: 'https://evil.tests.example' }, /is of another issuer, 'https:\/\/evil\.tests\.example'/],
    ['has an issuer with a slash more', { issuer: `${provider.url}/` }, /is of another issuer/],
    ['does not promise PKCE', { code_challenge_methods_supported: ['plain'] }, /does not say that it checks PKCE/],
    ['sends the code in the clear', { token_endpoint: 'http://tests.example/token' }, /'token_endpoint' .* cannot be used: it must be https/],
    ['signs nobody in', { authorization_endpoint: undefined }, /signs nobody in/],
    ['registers nobody', { registration_endpoint: undefined }, /registers no clients by itself; .* --client-id/],
  ]) {
    test(`when the metadata ${name}`, async () => {
      const answer = await (await fetch(provider.url + METADATA)).json();
      provider.intercept = (request, response) => {
        if (request.url !== METADATA) return false;
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ ...answer, ...change }));
        return true;
      };
      const session = await start();
      await notConnected(session, why);
      await askedTimes(session, 0);
    });
  }

  test('when the server is not there', async () => {
    provider.isDown = true;
    await notConnected(await start(), /cannot be asked/);
    provider.isDown = false;
  });
});

test('a way back that is not of the sign-in is turned away, and the sign-in goes on', async () => {
  const session = await start();
  const [address] = await addresses(session, 1);
  const back = await signIn(address);
  for (const change of [
    (strange) => strange.searchParams.set('state', 'guessed'),
    (strange) => strange.searchParams.delete('state'),
    (strange) => strange.searchParams.append('state', 'again'),
    (strange) => strange.searchParams.append('code', 'again'),
    (strange) => { strange.pathname = '/callback'; },
    (strange) => { strange.search = ''; },
  ]) {
    const strange = new URL(back);
    change(strange);
    assert.equal((await fetch(strange)).status, 400);
  }
  assert.equal((await fetch(back, { method: 'POST' })).status, 405);
  assert.equal((await fetch(back)).status, 200);
  assert.equal(resultText(await read(await connected(session))), 'read_report');
  await assert.rejects(fetch(back), 'the port is closed');
});

describe('a client id', () => {
  test('that was registered before is used', async () => {
    const session = await start({ options: ['--client-id', APP.client_id] });
    const [address] = await addresses(session, 1);
    const query = new URL(address).searchParams;
    assert.equal(query.get('client_id'), APP.client_id);
    assert.equal(new URL(query.get('redirect_uri')).pathname, '/callback');
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
  });

  test('that is a document where none is taken is refused', async () => {
    const session = await start({ options: ['--client-id', 'https://client.tests.example/aegis.json'] });
    await notConnected(session, /takes no client id that is the address of a document/);
  });
});

const TAKES = (methods) => ({ clientAuthMethods: methods, features: { registration: { enabled: true }, revocation: { enabled: true } } });

describe('a client with a secret', () => {
  const SECRET = 'a secret of the tests: 100% + more/of it';
  const OURS = {
    ...APP, client_id: 'desktop:with a secret', client_secret: SECRET, token_endpoint_auth_method: 'client_secret_basic',
  };
  const known = ['--client-id', OURS.client_id];
  let basic;
  let guarded;
  let file;
  before(async () => {
    basic = await new AuthorizationServer({ audience: AUDIENCE, clients: [OURS], provider: TAKES(['client_secret_basic']) }).start();
    guarded = await new ProtectedServer(basic.url).start();
    basic.resources[guarded.origin] = 'mcp:call mcp:admin';
    file = path.join(bench.folder, 'client-secret');
    await fs.writeFile(file, `${SECRET}\n`, { mode: 0o600 });
  });
  afterEach(() => { basic.intercept = undefined; });
  after(async () => {
    await guarded?.stop();
    await basic?.stop();
  });

  /** The provider changes what it answers at an address. */
  async function changes(url_, change) {
    const answer = await (await fetch(basic.url + url_)).json().catch(() => ({}));
    basic.intercept = (request, response) => {
      if (request.url !== url_) return false;
      response.writeHead(url_ === '/reg' ? 201 : 200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ ...answer, ...change }));
      return true;
    };
  }
  const METADATA = '/.well-known/oauth-authorization-server';

  /** What it is kept with is renewed by the same client in another run, and taken back. */
  async function isRenewedAndRevoked(state, options = []) {
    const { file: tokens, grant } = await kept(state);
    await fs.writeFile(tokens, JSON.stringify({ ...grant, expires_at: 1 }));
    const session = await start({ state, to: guarded.url, options });
    await until(() => `another token: ${session.errors()}`, async () => (await kept(state)).grant.access_token !== grant.access_token);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    await askedTimes(session, 0);
    await session.client.close();
    assert.match(await aegis('connect', '--sign-out', '--state', state, ...options, guarded.url), /^signed out/);
  }

  test('registers for Basic where nothing else is taken, renews and signs out by it', async () => {
    const session = await start({ to: guarded.url });
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    const { grant } = await kept(session.state);
    assert.equal(grant.client_method, 'client_secret_basic');
    assert.ok(grant.client_secret.length > 20 && !session.errors().includes(grant.client_secret));
    await session.client.close();
    await isRenewedAndRevoked(session.state);
  });

  test('that was registered before shows a secret with odd bytes, which is not kept', async () => {
    const options = [...known, '--client-secret-file', file];
    const session = await start({ to: guarded.url, options });
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    const { grant } = await kept(session.state);
    assert.deepEqual([grant.client_id, grant.client_secret, grant.client_method], [OURS.client_id, '', 'client_secret_basic']);
    await session.client.close();
    await isRenewedAndRevoked(session.state, options);
  });

  test('is asked for its secret when it signs out', async () => {
    const session = await start({ to: guarded.url, options: [...known, '--client-secret-file', file] });
    assert.equal((await person(session)).status, 200);
    await (await connected(session)).close();
    await assert.rejects(aegis('connect', '--sign-out', '--state', session.state, guarded.url), ({ code, stderr }) => {
      assert.equal(code, 1);
      assert.match(stderr, /the client 'desktop:with a secret', which has a secret; give --client-id with --client-secret-file/);
      return true;
    });
  });

  test('that shows another secret gets no token', async () => {
    const wrong = path.join(bench.folder, 'wrong-secret');
    await fs.writeFile(wrong, `${SECRET}.`);
    const session = await start({ to: guarded.url, options: [...known, '--client-secret-file', wrong] });
    assert.equal((await person(session)).status, 200);
    await notConnected(session, /gives no token: invalid_client/);
    assert.ok(!session.errors().includes(SECRET));
  });

  test('shows none where the server was told of none', async () => {
    const session = await start({ to: guarded.url, options: known });
    assert.equal((await person(session)).status, 200);
    await notConnected(session, /gives no token: invalid_client/);
  });

  for (const [name, url_, change, why] of [
    ['takes keys only', METADATA, { token_endpoint_auth_methods_supported: ['private_key_jwt'] }, /wants clients that show who they are by something else/],
    ['registers it for a key', '/reg', { client_id: 'c', token_endpoint_auth_method: 'private_key_jwt' }, /who they are by private_key_jwt, and aegis connect can/],
    ['gives it no secret', '/reg', { client_id: 'c', token_endpoint_auth_method: 'client_secret_basic' }, /registered a client for client_secret_basic and gave it no secret/],
  ]) {
    test(`is none when the server ${name}`, async () => {
      await changes(url_, change);
      const session = await start({ to: guarded.url });
      await notConnected(session, why);
      await askedTimes(session, 0);
    });
  }

  test('has its secret from the environment, which browsers do not get', async () => {
    const options = [...known, '--client-secret-env', 'WORK_SECRET'];
    const session = await start({ to: guarded.url, options, environment: { WORK_SECRET: SECRET } });
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    const environment = await session.environment();
    assert.match(environment, /^AEGIS_TEST_VISITS=/m);
    assert.ok(!environment.includes(SECRET));
  });

  for (const [name, options, code, why] of [
    ['two secrets', [...known, '--client-secret-file', 'x', '--client-secret-env', 'X'], 2, /a client has one secret/],
    ['a secret without a client', ['--client-secret-env', 'X'], 2, /give --client-id, too/],
    ['a secret of a document', ['--client-id', 'https://client.tests.example/a.json', '--client-secret-env', 'X'], 2, /has no secret/],
    ['no such file', [...known, '--client-secret-file', '/nowhere'], 1, /'\/nowhere' holds no client secret/],
    ['an empty file', [...known, '--client-secret-file', '/dev/null'], 1, /holds no client secret/],
    ['no such variable', [...known, '--client-secret-env', 'AEGIS_TESTS_NOTHING'], 1, /'AEGIS_TESTS_NOTHING' holds no client secret/],
  ]) {
    test(`is refused at the start: ${name}`, async () => {
      await assert.rejects(aegis('connect', '--state', freshState(), ...options, guarded.url), (error) => error.code === code && why.test(error.stderr));
    });
  }
});

describe('more scopes', () => {
  test('are asked for when the gateway wants them for a call', async () => {
    const session = await start();
    assert.equal((await person(session)).status, 200);
    const client = await connected(session);
    const call = client.callTool({ name: 'résumé', arguments: {} });
    const [, more] = await addresses(session, 2);
    assert.equal(new URL(more).searchParams.get('scope'), 'mcp:call mcp:admin');
    assert.equal((await person(session, { count: 2 })).status, 200);
    assert.equal(resultText(await call), 'résumé');
    await askedTimes(session, 2);
  });

  test('are asked for at first when the person says so', async () => {
    const session = await start({ options: ['--scope', 'mcp:admin'] });
    assert.equal((await person(session)).status, 200);
    assert.equal(resultText(await (await connected(session)).callTool({ name: 'résumé', arguments: {} })), 'résumé');
    await askedTimes(session, 1);
  });
});

test('without a browser the address is printed', async () => {
  const session = await start({ options: ['--no-browser'] });
  const found = await until(() => `an address: ${session.errors()}`, () => ADDRESS.exec(session.errors())?.[1]);
  assert.equal((await fetch(await signIn(found))).status, 200);
  assert.equal(resultText(await read(await connected(session))), 'read_report');
  await askedTimes(session, 0);
});

describe('a server that is no gateway', () => {
  test('is found by its host, and more scopes are asked for when it wants them', async () => {
    const session = await start({ to: remote.url });
    const [address] = await addresses(session, 1);
    assert.equal(new URL(address).searchParams.get('resource'), remote.origin);
    assert.equal(new URL(address).searchParams.get('scope'), 'mcp:call');
    assert.equal((await person(session)).status, 200);
    const client = await connected(session);
    assert.equal(resultText(await read(client)), 'read_report');

    const call = client.callTool({ name: 'administrate', arguments: {} });
    const [, more] = await addresses(session, 2);
    assert.equal(new URL(more).searchParams.get('scope'), 'mcp:call mcp:admin');
    assert.equal((await person(session, { count: 2 })).status, 200);
    assert.equal(resultText(await call), 'administrate');
    assert.equal(new Set(remote.tokens).size, 2);
  });

  test('gets no call when the person does not give more, who is not asked again', async () => {
    const session = await start({ to: remote.url });
    assert.equal((await person(session)).status, 200);
    const client = await connected(session);
    const call = client.callTool({ name: 'administrate', arguments: {} }).catch((error) => error);
    assert.equal((await person(session, { count: 2, answer: 'no' })).status, 200);
    assert.match(String(await call), /credential/);
    assert.match(String(await client.callTool({ name: 'administrate', arguments: {} }).catch((error) => error)), /credential/);
    await askedTimes(session, 2);
    assert.equal(resultText(await read(client)), 'read_report');
  });
});

describe('another sign-in', () => {
  const failed = (client, name) => client.callTool({ name, arguments: {} }).catch((error) => error);

  /** Somebody who is signed in at the server that wants more. */
  async function user() {
    const session = await start({ to: remote.url });
    assert.equal((await person(session)).status, 200);
    const client = await connected(session);
    remote.age();
    return { session, client };
  }

  test('is asked for once, for all calls that need it', async () => {
    const { session, client } = await user();
    const calls = Array.from({ length: 5 }, () => client.callTool({ name: 'sign', arguments: {} }));
    const [, more] = await addresses(session, 2);
    const query = new URL(more).searchParams;
    assert.deepEqual([query.get('acr_values'), query.get('max_age'), query.get('scope')], ['gold platinum', '600', 'mcp:call openid']);
    assert.equal((await person(session, { count: 2 })).status, 200);
    for (const call of calls) assert.equal(resultText(await call), 'sign');
    await askedTimes(session, 2);
    assert.equal((await kept(session.state)).grant.acr_values, 'gold platinum');
  });

  test('may have claims of its own', async () => {
    const { session, client } = await user();
    const call = client.callTool({ name: 'sign-claims', arguments: {} });
    assert.equal(new URL((await addresses(session, 2))[1]).searchParams.get('claims'), '{"access_token":{}}');
    assert.equal((await person(session, { count: 2 })).status, 200);
    assert.equal(resultText(await call), 'sign-claims');
  });

  test('is like the one before when only more scopes are wanted', async () => {
    const { session, client } = await user();
    const call = client.callTool({ name: 'sign', arguments: {} });
    assert.equal((await person(session, { count: 2 })).status, 200);
    assert.equal(resultText(await call), 'sign');
    const next = client.callTool({ name: 'administrate-401', arguments: {} });
    const query = new URL((await addresses(session, 3))[2]).searchParams;
    assert.deepEqual([query.get('acr_values'), query.get('scope')], ['gold platinum', 'mcp:call openid mcp:admin']);
    assert.equal((await person(session, { count: 3 })).status, 200);
    assert.equal(resultText(await next), 'administrate-401');
  });

  test('is not asked for again when it changed nothing', async () => {
    const { session, client } = await user();
    const call = failed(client, 'sign-in-vain');
    assert.equal((await person(session, { count: 2 })).status, 200);
    assert.match(String(await call), /credential/);
    assert.match(String(await failed(client, 'sign-in-vain')), /credential/);
    assert.match(session.errors(), /wants a stronger or newer sign-in \(acr_values 'gold'\)/);
    await askedTimes(session, 2);
    assert.equal(resultText(await read(client)), 'read_report');
  });

  test('is asked for six times an hour, whatever the server wants', async () => {
    const { session, client } = await user();
    let asked = 1;
    for (let i = 0; i < 2; i++) {
      const call = failed(client, 'sign-now');
      let isOver = false;
      call.then(() => { isOver = true; });
      await until(() => `the end of its sign-ins: ${session.errors()}`, async () => {
        if ((await addresses(session, asked)).length > asked) assert.equal((await person(session, { count: ++asked })).status, 200);
        return isOver || asked === 6;
      });
      assert.match(String(await call), /credential/);
    }
    assert.match(String(await failed(client, 'sign-now')), /credential/);
    assert.match(session.errors(), /6 sign-ins were asked for within an hour; the next one may begin in (59|60) min/);
    await askedTimes(session, 6);
    assert.equal(resultText(await read(client)), 'read_report');
  });

  for (const [name, why] of [['sign-somehow', /says nothing of how/], ['sign-broken', /cannot be read/], ['sign-no-claims', /cannot be asked for/]]) {
    test(`is not asked for by ${name}`, async () => {
      const { session, client } = await user();
      assert.match(String(await failed(client, name)), /credential/);
      assert.match(session.errors(), why);
      await askedTimes(session, 1);
    });
  }

  test('that fails is refused, and nobody is asked again for a while', async () => {
    const { session, client } = await user();
    const calls = [failed(client, 'sign'), failed(client, 'sign')];
    assert.equal((await person(session, { count: 2, answer: 'no' })).status, 200);
    for (const call of calls) assert.match(String(await call), /credential/);
    assert.match(String(await failed(client, 'administrate')), /credential/);
    assert.match(session.errors(), /may begin 60 s after it/);
    await askedTimes(session, 2);
  });
});

describe('authorities of one\'s own', () => {
  let ours;
  let theirs;
  let secure;
  let foreign;
  let issuer;
  let mock;
  let door;

  /** The authorization server signs everybody in at once; the browser goes to it without TLS. */
  async function signInAtOnce(session) {
    const [address] = await addresses(session, 1);
    const { pathname, search } = new URL(address);
    const { headers } = await fetch(new URL(pathname + search, issuer), { redirect: 'manual' });
    assert.equal((await fetch(headers.get('location'))).status, 200);
  }

  before(async () => {
    ours = await Authority.make(bench.folder, 'ours');
    theirs = await Authority.make(bench.folder, 'theirs');
    const certificate = await ours.issue('both');
    mock = await startMockIssuer('one');
    issuer = mock.issuer.url;
    door = await new FaultProxy(certificate).start();
    door.to(issuer);
    mock.issuer.url = door.url;
    secure = await new ProtectedServer(door.url, certificate).start();
    foreign = await new ProtectedServer(door.url, await theirs.issue('foreign')).start();
  });
  after(async () => {
    await secure.stop();
    await foreign.stop();
    await door.stop();
    await mock.stop();
  });

  const options = (file) => ['--client-id', APP.client_id, '--ca', file];

  test('are believed about the server and its authorization server', async () => {
    const session = await start({ to: secure.url, options: options(ours.file) });
    await signInAtOnce(session);
    assert.equal(resultText(await read(await connected(session))), 'read_report');
    await assert.rejects(
      aegis('connect', '--sign-out', '--state', session.state, secure.url), ({ code, stderr }) => code === 1 && /cannot be asked/.test(stderr));
  });

  for (const [name, file, to] of [
    ['are not believed unasked', () => undefined, () => secure],
    ['are not those of others', () => theirs.file, () => secure],
    ['are believed instead of all others about the server', () => ours.file, () => foreign],
  ]) {
    test(name, async () => {
      const count = to().tokens.length;
      const session = await start({ to: to().url, options: file() === undefined ? ['--client-id', APP.client_id] : options(file()) });
      assert.ok(await session.ready instanceof Error);
      assert.equal(to().tokens.length, count);
      await askedTimes(session, 0);
    });
  }

  test('of the server alone are not enough', async () => {
    const session = await start({ to: foreign.url, options: options(theirs.file) });
    await notConnected(session, /cannot be asked: .*certificate/);
    await askedTimes(session, 0);
  });

  test('need a file that has some, and https', async () => {
    const file = path.join(bench.folder, 'no.pem');
    await fs.writeFile(file, 'nothing');
    for (const wrong of [file, `${file}.not`]) {
      await assert.rejects(aegis('connect', '--state', freshState(), '--ca', wrong, secure.url), ({ code }) => code === 1);
    }
    await assert.rejects(aegis('connect', '--ca', ours.file, remote.url), ({ code, stderr }) => code === 2 && /leave out --ca/.test(stderr));
  });
});

for (const [name, address] of [['no URL', 'gateway'], ['not https', 'http://gateway.tests.example/mcp'], ['a password', 'https://a:b@gateway.tests.example/']]) {
  test(`an address is refused: ${name}`, async () => {
    await assert.rejects(aegis('connect', address), ({ code, stderr }) => code === 2 && /the URL cannot be used/.test(stderr));
  });
}
