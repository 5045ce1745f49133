// The front door before a real authorization server that registers nobody: a client of the SDK that was never
// registered signs in and calls a tool, and what others try on the way fails.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Bench } from '../integration/helpers.mjs';
import { ClientMemory, connectSigningIn } from '../peers/signing-client.mjs';
import { auditRecords, freePort, lastSequence, resultText } from '../peers/support.mjs';
import { Browser, CALLBACK, Door, ENVIRONMENT, SECRET, entryOf, startProvider } from './door.mjs';

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const provider = await startProvider(origin, 'idp');
const door = new Door(origin, 'idp', `${origin}/servers/counting/mcp`);
let bench;

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: { listen: { address: `127.0.0.1:${port}` }, identity: [entryOf('idp', provider)] },
    environment: ENVIRONMENT,
  });
});
after(async () => {
  await bench?.stop();
  await provider.stop();
});

/** Signs a client in that nobody knew. */
async function connect(memory) {
  const { client, back } = await connectSigningIn(bench.serverUrl('counting'), memory, (address) => new Browser().signIn(address));
  assert.equal(back.searchParams.get('state'), 'state-of-the-client');
  assert.equal(back.searchParams.get('iss'), door.url);
  return client;
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
  const other = await door.exchange({ ...form, client_id: (await door.register()).client_id });
  assert.deepEqual([other.status, other.error], [400, 'invalid_grant']);
  const renewed = await door.exchange({ ...form, client_id: memory.information.client_id });
  assert.equal(renewed.status, 200);
  assert.notEqual(renewed.access_token, memory.saved.access_token);
});

test('a client stays registered when the gateway starts anew', async () => {
  const { client_id: clientId } = await door.register();
  await bench.reload();
  assert.ok(await new Browser().ask(door.begin(clientId).address));
});

describe('what others try', () => {
  let clientId;
  before(async () => { ({ client_id: clientId } = await door.register()); });

  for (const [name, changes] of [
    ['an address that was not registered', { redirect_uri: 'https://evil.tests.example/cb' }],
    ['an address that begins like it', { redirect_uri: `${CALLBACK}.evil.tests.example` }],
    ['a client that is not known', { client_id: 'registered.AAAA' }],
    // Its document would lie on this machine, where no other server may have us look.
    ['a document on this machine', { client_id: 'https://127.0.0.1:9/client.json' }],
  ]) {
    test(name, async () => {
      const { status, location, text } = await new Browser().open(door.begin(clientId, changes).address);
      assert.deepEqual([status, location], [400, null], text);
    });
  }

  test('a registration of an address without TLS', async () => {
    const { status, error } = await door.register({ redirect_uris: ['http://evil.tests.example/cb'] });
    assert.deepEqual([status, error], [400, 'invalid_redirect_uri']);
  });

  test('a code again', async () => {
    const { verifier, address } = door.begin(clientId);
    const code = (await new Browser().signIn(address)).searchParams.get('code');
    assert.equal((await door.exchange({ client_id: clientId, code, code_verifier: verifier })).status, 200);
    const again = await door.exchange({ client_id: clientId, code, code_verifier: verifier });
    assert.deepEqual([again.status, again.error], [400, 'invalid_grant']);
  });

  test('the code of another client, and another verifier', async () => {
    const { verifier, address } = door.begin(clientId);
    const code = (await new Browser().signIn(address)).searchParams.get('code');
    const { client_id: thief } = await door.register();
    for (const form of [{ client_id: thief, code_verifier: verifier }, { client_id: clientId, code_verifier: door.begin(clientId).verifier }]) {
      const { status, error } = await door.exchange({ code, ...form });
      assert.deepEqual([status, error], [400, 'invalid_grant']);
    }
    assert.equal((await door.exchange({ client_id: clientId, code, code_verifier: verifier })).status, 200);
  });

  test('a second client without a word of the person', async () => {
    const browser = new Browser();
    await browser.signIn(door.begin(clientId).address);
    const { client_id: second } = await door.register({ client_name: 'Second', redirect_uris: ['https://evil.tests.example/cb'] });
    const { status, location, text } = await browser.open(door.begin(second, { redirect_uri: 'https://evil.tests.example/cb' }).address);
    assert.deepEqual([status, location], [200, null]);
    assert.match(text, /Second/);
  });

  test('a consent by another page, or from another browser', async () => {
    const browser = new Browser();
    const ticket = await browser.ask(door.begin(clientId).address);
    const answer = { ticket, decision: 'allow' };
    assert.equal((await browser.open(`${door.url}/consent`, answer, 'https://evil.tests.example')).status, 403);
    const other = new Browser();
    await other.ask(door.begin(clientId).address);
    assert.equal((await other.open(`${door.url}/consent`, answer)).status, 400);
  });

  test('an answer that names another issuer', async () => {
    const sequence = await lastSequence(bench.state);
    const browser = new Browser();
    const back = new URL(await browser.agree(door.begin(clientId).address));
    assert.equal(back.searchParams.get('iss'), provider.url);
    back.searchParams.set('iss', 'https://other.tests.example');
    const { status, location } = await browser.open(back);
    assert.deepEqual([status, location], [400, null]);
    assert.ok((await codesAfter(sequence)).includes('sign_in.issuer'));
  });

  test('an answer in another browser, and twice in its own', async () => {
    const browser = new Browser();
    const back = await browser.agree(door.begin(clientId).address);
    const victim = new Browser();
    await victim.ask(door.begin(clientId).address);
    for (const other of [victim, new Browser()]) {
      const { status, location } = await other.open(back);
      assert.deepEqual([status, location], [400, null]);
    }
    assert.equal((await browser.open(back)).status, 303);
    assert.equal((await browser.open(back)).status, 400);
  });

  test('a person who says no', async () => {
    const browser = new Browser();
    const ticket = await browser.ask(door.begin(clientId).address);
    const { location } = await browser.open(`${door.url}/consent`, { ticket, decision: 'deny' });
    assert.equal(new URL(location).searchParams.get('error'), 'access_denied');
  });
});

test('the page of a client is nobody else\'s to frame', async () => {
  const { client_id: clientId } = await door.register({ client_name: '<script>alert(1)</script>', redirect_uris: [CALLBACK] });
  const { text, headers } = await new Browser().open(door.begin(clientId).address);
  assert.ok(!text.includes('<script'));
  assert.match(headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
});
