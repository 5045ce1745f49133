// The front door before a real authorization server that registers nobody: a client of the SDK that was never
// registered signs in and calls a tool, and what others try on the way fails.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Bench } from '../integration/helpers.mjs';
import { AuthorizationServer } from '../peers/authorization-server.mjs';
import { signIn } from '../peers/browser.mjs';
import { ClientMemory, connectSigningIn } from '../peers/signing-client.mjs';
import { auditRecords, freePort, lastSequence, resultText } from '../peers/support.mjs';

const RESOURCE = 'https://aegis.tests.example';
const SECRET = 'a secret of the gateway, for the tests alone';
const CALLBACK = 'https://client.tests.example/cb';
const DOOR = '/sign-in/idp';

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const provider = await new AuthorizationServer({
  resources: { [RESOURCE]: 'mcp:call' },
  roles: { alice: ['Developers'] },
  clients: [{
    client_id: 'aegis', client_secret: SECRET, redirect_uris: [`${origin}${DOOR}/callback`],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post',
  }],
}).start();
let bench;

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: {
      listen: { address: `127.0.0.1:${port}` },
      identity: [{
        name: 'idp', issuer: provider.url, audience: RESOURCE, jwks: provider.jwksUrl, roles: ['Developers'],
        sign_in: {
          client_id: 'aegis', client_secret: { env: 'TESTS_CLIENT_SECRET' },
          authorization_endpoint: `${provider.url}/auth`, token_endpoint: `${provider.url}/token`,
          scopes: ['openid', 'mcp:call'], resource: RESOURCE,
        },
      }],
    },
    environment: { TESTS_CLIENT_SECRET: SECRET },
  });
});
after(async () => {
  await bench?.stop();
  await provider.stop();
});

/** A person's browser, as far as the gateway's pages go. */
class Browser {
  cookie;

  async open(address, form, page = origin) {
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { ...(this.cookie === undefined ? {} : { Cookie: this.cookie }), ...(form === undefined ? {} : { Origin: page }) },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    const [cookie] = response.headers.getSetCookie();
    if (cookie !== undefined) {
      assert.match(cookie, /^__Host-.*; Path=\/; Secure; HttpOnly; SameSite=Lax/);
      this.cookie = cookie.split(';')[0];
    }
    return { status: response.status, text: await response.text(), location: response.headers.get('location'), headers: response.headers };
  }

  /** The page that asks; returns its ticket. */
  async ask(address) {
    const page = await this.open(address);
    assert.equal(page.status, 200, page.text);
    return /name="ticket" value="([^"]+)"/.exec(page.text)[1];
  }

  /** Says yes on our page and at the provider; returns the address back to the gateway, unvisited. */
  async agree(address) {
    const ticket = await this.ask(address);
    const { status, location, text } = await this.open(`${origin}${DOOR}/consent`, { ticket, decision: 'allow' });
    assert.equal(status, 303, text);
    assert.ok(location.startsWith(`${provider.url}/auth?`));
    return signIn(location);
  }

  /** The whole way; returns the client's own address. */
  async signIn(address) {
    const { status, location, text } = await this.open(await this.agree(address));
    assert.equal(status, 303, text);
    return new URL(location);
  }
}

/** Signs a client in that nobody knew. */
async function connect(memory) {
  const { client, back } = await connectSigningIn(bench.serverUrl('counting'), memory, (address) => new Browser().signIn(address));
  assert.equal(back.searchParams.get('state'), 'state-of-the-client');
  assert.equal(back.searchParams.get('iss'), `${origin}${DOOR}`);
  return client;
}

/** A client of our own, which shows each step. */
async function register(metadata = { client_name: 'By hand', redirect_uris: [CALLBACK] }) {
  const response = await fetch(`${origin}${DOOR}/register`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(metadata),
  });
  return { status: response.status, ...(await response.json()) };
}

function begin(clientId, changes = {}) {
  const verifier = crypto.randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code', client_id: clientId, redirect_uri: CALLBACK, state: 's', code_challenge_method: 'S256',
    code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), resource: bench.serverUrl('counting'), ...changes,
  });
  return { verifier, address: `${origin}${DOOR}/authorize?${query}` };
}

async function exchange(form) {
  const response = await fetch(`${origin}${DOOR}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', redirect_uri: CALLBACK, ...form }) });
  return { status: response.status, ...(await response.json()) };
}

/** The codes of the records since then. */
async function codesAfter(sequence) {
  return (await auditRecords(bench.state, sequence)).map(({ code }) => code);
}

test('a client that nobody knew signs in and calls a tool', async () => {
  const sequence = await lastSequence(bench.state);
  const memory = new ClientMemory('http://127.0.0.1:3456/cb');
  const client = await connect(memory);
  assert.equal(resultText(await client.callTool({ name: 'read_report', arguments: {} })), 'read_report');
  await client.close();
  const records = await auditRecords(bench.state, sequence);
  const steps = records.filter(({ type }) => type === 'auth.sign_in').map(({ phase, code }) => `${phase} ${code}`);
  assert.deepEqual(steps, [
    'event sign_in.registered', 'event sign_in.consent', 'event sign_in.code', 'intent sign_in.tokens', 'outcome sign_in.tokens',
  ]);
  assert.ok(records.some(({ method, subject }) => method === 'tools/call' && subject === 'alice'));
  const text = JSON.stringify(records);
  for (const secret of [SECRET, memory.saved.access_token, memory.saved.refresh_token, memory.verifier]) {
    assert.ok(!text.includes(secret), 'no secret in the audit');
  }
});

test('its token is the provider\'s, and is renewed by that client alone', async () => {
  const memory = new ClientMemory('http://127.0.0.1:3456/cb');
  const client = await connect(memory);
  await client.close();
  const payload = JSON.parse(Buffer.from(memory.saved.access_token.split('.')[1], 'base64url'));
  assert.equal(payload.iss, provider.url);
  const form = { grant_type: 'refresh_token', refresh_token: memory.saved.refresh_token };
  const other = await exchange({ ...form, client_id: (await register()).client_id });
  assert.deepEqual([other.status, other.error], [400, 'invalid_grant']);
  const renewed = await exchange({ ...form, client_id: memory.information.client_id });
  assert.equal(renewed.status, 200);
  assert.notEqual(renewed.access_token, memory.saved.access_token);
});

test('a client stays registered when the gateway starts anew', async () => {
  const { client_id: clientId } = await register();
  await bench.reload();
  assert.ok(await new Browser().ask(begin(clientId).address));
});

describe('what others try', () => {
  let clientId;
  before(async () => { ({ client_id: clientId } = await register()); });

  for (const [name, changes] of [
    ['an address that was not registered', { redirect_uri: 'https://evil.tests.example/cb' }],
    ['an address that begins like it', { redirect_uri: `${CALLBACK}.evil.tests.example` }],
    ['a client that is not known', { client_id: 'registered.AAAA' }],
    // Its document would lie on this machine, where no other server may have us look.
    ['a document on this machine', { client_id: 'https://127.0.0.1:9/client.json' }],
  ]) {
    test(name, async () => {
      const { status, location, text } = await new Browser().open(begin(clientId, changes).address);
      assert.deepEqual([status, location], [400, null], text);
    });
  }

  test('a registration of an address without TLS', async () => {
    const { status, error } = await register({ redirect_uris: ['http://evil.tests.example/cb'] });
    assert.deepEqual([status, error], [400, 'invalid_redirect_uri']);
  });

  test('a code again', async () => {
    const { verifier, address } = begin(clientId);
    const code = (await new Browser().signIn(address)).searchParams.get('code');
    assert.equal((await exchange({ client_id: clientId, code, code_verifier: verifier })).status, 200);
    const again = await exchange({ client_id: clientId, code, code_verifier: verifier });
    assert.deepEqual([again.status, again.error], [400, 'invalid_grant']);
  });

  test('the code of another client, and another verifier', async () => {
    const { verifier, address } = begin(clientId);
    const code = (await new Browser().signIn(address)).searchParams.get('code');
    const { client_id: thief } = await register();
    for (const form of [{ client_id: thief, code_verifier: verifier }, { client_id: clientId, code_verifier: begin(clientId).verifier }]) {
      const { status, error } = await exchange({ code, ...form });
      assert.deepEqual([status, error], [400, 'invalid_grant']);
    }
    assert.equal((await exchange({ client_id: clientId, code, code_verifier: verifier })).status, 200);
  });

  test('a second client without a word of the person', async () => {
    const browser = new Browser();
    await browser.signIn(begin(clientId).address);
    const { client_id: second } = await register({ client_name: 'Second', redirect_uris: ['https://evil.tests.example/cb'] });
    const { status, location, text } = await browser.open(begin(second, { redirect_uri: 'https://evil.tests.example/cb' }).address);
    assert.deepEqual([status, location], [200, null]);
    assert.match(text, /Second/);
  });

  test('a consent by another page, or from another browser', async () => {
    const browser = new Browser();
    const ticket = await browser.ask(begin(clientId).address);
    const answer = { ticket, decision: 'allow' };
    assert.equal((await browser.open(`${origin}${DOOR}/consent`, answer, 'https://evil.tests.example')).status, 403);
    const other = new Browser();
    await other.ask(begin(clientId).address);
    assert.equal((await other.open(`${origin}${DOOR}/consent`, answer)).status, 400);
  });

  test('an answer that names another issuer', async () => {
    const sequence = await lastSequence(bench.state);
    const browser = new Browser();
    const back = new URL(await browser.agree(begin(clientId).address));
    assert.equal(back.searchParams.get('iss'), provider.url);
    back.searchParams.set('iss', 'https://other.tests.example');
    const { status, location } = await browser.open(back);
    assert.deepEqual([status, location], [400, null]);
    assert.ok((await codesAfter(sequence)).includes('sign_in.issuer'));
  });

  test('an answer in another browser, and twice in its own', async () => {
    const browser = new Browser();
    const back = await browser.agree(begin(clientId).address);
    const victim = new Browser();
    await victim.ask(begin(clientId).address);
    for (const other of [victim, new Browser()]) {
      const { status, location } = await other.open(back);
      assert.deepEqual([status, location], [400, null]);
    }
    assert.equal((await browser.open(back)).status, 303);
    assert.equal((await browser.open(back)).status, 400);
  });

  test('a person who says no', async () => {
    const browser = new Browser();
    const ticket = await browser.ask(begin(clientId).address);
    const { location } = await browser.open(`${origin}${DOOR}/consent`, { ticket, decision: 'deny' });
    assert.equal(new URL(location).searchParams.get('error'), 'access_denied');
  });
});

test('the page of a client is nobody else\'s to frame', async () => {
  const { client_id: clientId } = await register({ client_name: '<script>alert(1)</script>', redirect_uris: [CALLBACK] });
  const { text, headers } = await new Browser().open(begin(clientId).address);
  assert.ok(!text.includes('<script'));
  assert.match(headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
});
