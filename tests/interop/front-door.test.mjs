// The front door before a real authorization server that registers nobody: a client of the SDK that was never
// registered signs in and calls a tool, and what others try on the way fails.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Bench } from '../integration/helpers.mjs';
import { ClientMemory, connectSigningIn } from '../peers/signing-client.mjs';
import { auditRecords, freePort, lastSequence, resultText } from '../peers/support.mjs';
import { Browser, CALLBACK, Door, ENVIRONMENT, SECRET, entryOf, startProvider } from './door.mjs';

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const provider = await startProvider(origin, 'idp');
// What begins at one provider must not end at another: a second one, whose door is beside.
const second = await startProvider(origin, 'second');
const door = new Door(origin, 'idp', `${origin}/servers/counting/mcp`);
const secondDoor = new Door(origin, 'second', door.resource);
let bench;

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: {
      listen: { address: `127.0.0.1:${port}` },
      identity: [entryOf('idp', provider), entryOf('second', second, { sign_in: { names_issuer: true } })],
    },
    environment: ENVIRONMENT,
  });
});
after(async () => {
  await bench?.stop();
  await provider.stop();
  await second.stop();
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

  test('an own code in the sign-in of a victim', async () => {
    // The attacker stops before the way back, and has the victim end with the code that came.
    const foreign = new URL(await new Browser().agree(door.begin(clientId).address));
    const victim = new Browser();
    const { verifier, address } = door.begin(clientId);
    const back = new URL(await victim.agree(address));
    back.searchParams.set('code', foreign.searchParams.get('code'));
    const { status, location } = await victim.open(back);
    assert.equal(status, 303);
    const sequence = await lastSequence(bench.state);
    const { status: refused, error, access_token: token } = await door.exchange({
      client_id: clientId, code: new URL(location).searchParams.get('code'), code_verifier: verifier,
    });
    assert.deepEqual([refused, error, token], [400, 'invalid_grant', undefined]);
    assert.ok((await codesAfter(sequence)).includes('sign_in.provider_grant'));
  });

  test('the code of the provider itself, and a code elsewhere', async () => {
    const { verifier, address } = door.begin(clientId);
    const browser = new Browser();
    const back = new URL(await browser.agree(address));
    const theirs = await door.exchange({ client_id: clientId, code: back.searchParams.get('code'), code_verifier: verifier });
    assert.deepEqual([theirs.status, theirs.error], [400, 'invalid_grant']);
    const { location } = await browser.open(back);
    const form = { client_id: clientId, code: new URL(location).searchParams.get('code'), code_verifier: verifier };
    for (const [changes, error] of [
      [{ redirect_uri: 'https://evil.tests.example/cb' }, 'invalid_grant'],
      [{ redirect_uri: `${CALLBACK}?` }, 'invalid_grant'],
      [{ redirect_uri: '' }, 'invalid_grant'],
      [{ code_verifier: '' }, 'invalid_grant'],
      [{ resource: `${origin}/servers/another/mcp` }, 'invalid_target'],
      [{ resource: 'https://evil.tests.example/mcp' }, 'invalid_target'],
      [{ grant_type: 'client_credentials' }, 'unsupported_grant_type'],
      [{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }, 'unsupported_grant_type'],
    ]) {
      const answer = await door.exchange({ ...form, ...changes });
      assert.deepEqual([answer.status, answer.error], [400, error], JSON.stringify(changes));
    }
    assert.equal((await door.exchange(form)).status, 200);
  });

  test('another resource than a gateway\'s', async () => {
    for (const resource of ['https://evil.tests.example/mcp', `${origin}.evil.tests.example/mcp`, `${origin}/healthz`, provider.url]) {
      const { status, location } = await new Browser().open(door.begin(clientId, { resource }).address);
      assert.equal(status, 303);
      assert.equal(new URL(location).searchParams.get('error'), 'invalid_target', resource);
      assert.equal(new URL(location).origin, new URL(CALLBACK).origin);
    }
  });

  // Whatever else is wrong: until client and address are good, nobody is sent anywhere.
  for (const [name, changes] of [
    ['nothing else', {}],
    ['no PKCE', { code_challenge: '' }],
    ['another flow', { response_type: 'token' }],
    ['a foreign resource', { resource: 'https://evil.tests.example/mcp' }],
    ['no page', { prompt: 'none' }],
    ['a request object', { request: 'eyJ' }],
  ]) {
    test(`an open redirect, with ${name} wrong`, async () => {
      for (const uri of ['https://evil.tests.example/', '//evil.tests.example', `${CALLBACK}@evil.tests.example`, 'https://client.tests.example\\@evil/cb', '']) {
        const { status, location } = await new Browser().open(door.begin(clientId, { ...changes, redirect_uri: uri }).address);
        assert.deepEqual([status, location], [400, null], uri);
      }
    });
  }

  test('a person who says no', async () => {
    const browser = new Browser();
    const ticket = await browser.ask(door.begin(clientId).address);
    const { location } = await browser.open(`${door.url}/consent`, { ticket, decision: 'deny' });
    assert.equal(new URL(location).searchParams.get('error'), 'access_denied');
  });
});

describe('two providers that are mixed up', () => {
  let clientId;
  before(async () => { ({ client_id: clientId } = await door.register()); });

  const tokensAsked = (of) => of.requests.filter((path) => path === '/token').length;

  for (const [name, changes] of [['', {}], [', under its own name', { iss: second.url }], [', under no name', { iss: null }]]) {
    test(`the answer of one at the door of the other${name}`, async () => {
      const sequence = await lastSequence(bench.state);
      const before = tokensAsked(second);
      const browser = new Browser();
      const back = new URL(await browser.agree(door.begin(clientId).address));
      back.pathname = new URL(`${secondDoor.url}/callback`).pathname;
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) back.searchParams.delete(key);
        else back.searchParams.set(key, value);
      }
      const { status, location } = await browser.open(back);
      assert.deepEqual([status, location], [400, null]);
      assert.ok((await codesAfter(sequence)).includes('sign_in.state'));
      assert.equal(tokensAsked(second), before);
    });
  }

  test('the name of the one in the answer of the other', async () => {
    const sequence = await lastSequence(bench.state);
    const browser = new Browser();
    const back = new URL(await browser.agree(door.begin(clientId).address));
    back.searchParams.set('iss', second.url);
    const { status, location } = await browser.open(back);
    assert.deepEqual([status, location], [400, null]);
    assert.ok((await codesAfter(sequence)).includes('sign_in.issuer'));
  });

  for (const [name, of, status] of [['that always names itself', secondDoor, 400], ['that may name itself', door, 303]]) {
    test(`an answer without a name, of the one ${name}`, async () => {
      const sequence = await lastSequence(bench.state);
      const browser = new Browser();
      const back = new URL(await browser.agree(of.begin((await of.register()).client_id).address));
      assert.ok(back.searchParams.has('iss'));
      back.searchParams.delete('iss');
      assert.equal((await browser.open(back)).status, status);
      assert.equal((await codesAfter(sequence)).includes('sign_in.issuer'), status === 400);
    });
  }

  test('the code of the one in the sign-in at the other', async () => {
    const before = [tokensAsked(provider), tokensAsked(second)];
    const { client_id: secondId } = await secondDoor.register();
    const theirs = new URL(await new Browser().agree(secondDoor.begin(secondId).address)).searchParams.get('code');
    const browser = new Browser();
    const { verifier, address } = door.begin(clientId);
    const back = new URL(await browser.agree(address));
    back.searchParams.set('code', theirs);
    const { location } = await browser.open(back);
    const { status, error } = await door.exchange({ client_id: clientId, code: new URL(location).searchParams.get('code'), code_verifier: verifier });
    assert.deepEqual([status, error], [400, 'invalid_grant']);
    // It went to the provider that the person was sent to, and to no other.
    assert.deepEqual([tokensAsked(provider), tokensAsked(second)], [before[0] + 1, before[1]]);
  });

  test('a client, a code, a consent and a refresh token of the one at the other', async () => {
    assert.equal((await new Browser().open(secondDoor.begin(clientId).address)).status, 400);
    const { verifier, address } = door.begin(clientId);
    const browser = new Browser();
    const ticket = await browser.ask(address);
    const { status, location } = await browser.open(`${secondDoor.url}/consent`, { ticket, decision: 'allow' });
    assert.deepEqual([status, location], [400, null]);
    const code = (await browser.signIn(address)).searchParams.get('code');
    const form = { client_id: clientId, code, code_verifier: verifier };
    const elsewhere = await secondDoor.exchange(form);
    assert.deepEqual([elsewhere.status, elsewhere.error], [400, 'invalid_grant']);
    const { refresh_token: refresh } = await door.exchange(form);
    assert.ok(refresh.length > 0);
    const renewed = await secondDoor.exchange({ grant_type: 'refresh_token', refresh_token: refresh, client_id: clientId });
    assert.deepEqual([renewed.status, renewed.error], [400, 'invalid_grant']);
  });

  test('each door says whose answer it is', async () => {
    for (const one of [door, secondDoor]) {
      const { client_id: id } = await one.register();
      assert.equal((await new Browser().signIn(one.begin(id).address)).searchParams.get('iss'), one.url);
    }
  });
});

test('no field of a request has a part in what the metadata say', async () => {
  const paths = [
    '/.well-known/oauth-authorization-server/sign-in/idp', '/.well-known/openid-configuration/sign-in/idp',
    '/sign-in/idp/.well-known/openid-configuration', '/.well-known/oauth-protected-resource/servers/counting/mcp',
  ];
  for (const target of paths) {
    const good = await get(target, {});
    assert.equal(good.status, 200);
    assert.ok(good.text.includes(origin));
    for (const fields of [
      { 'X-Forwarded-Host': 'evil.tests.example', 'X-Forwarded-Proto': 'https', Forwarded: 'host=evil.tests.example' },
      { 'X-Original-URL': '/sign-in/evil', 'X-Rewrite-URL': '/sign-in/evil', Origin: 'https://evil.tests.example' },
    ]) {
      assert.deepEqual(await get(target, fields), good);
    }
    // Documents for anybody are read by anybody; the others have no host but ours.
    const other = await get(target, { Host: 'evil.tests.example' });
    if (other.status === 200) assert.deepEqual(other, good);
    else assert.ok(!other.text.includes('evil.tests.example'));
  }
});

/** Asks with fields that fetch would not send. */
async function get(target, fields) {
  const request = http.get({ host: '127.0.0.1', port, path: target, headers: fields, agent: false });
  const [response] = await once(request, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, text };
}

test('a flood of registrations ends, and who was registered is known', async () => {
  const own = await freePort();
  const flooded = await Bench.start({
    hasRealServers: false,
    config: {
      listen: { address: `127.0.0.1:${own}` }, threads: 1, identity: [entryOf('idp', provider)],
      limits: { refusal_records: 4, refusal_records_per_s: 1 },
    },
    environment: ENVIRONMENT,
  });
  try {
    const target = new Door(`http://127.0.0.1:${own}`, 'idp', door.resource);
    const first = await target.register();
    assert.equal(first.status, 201);
    let last = first;
    for (let i = 0; i < 1000 && last.status === 201; i++) last = await target.register();
    assert.deepEqual([last.status, last.error, last.client_id], [503, 'temporarily_unavailable', undefined]);
    // Who was registered before is still known, and nothing was kept of the others.
    const page = await new Browser().open(target.begin(first.client_id, { resource: `http://127.0.0.1:${own}/servers/counting/mcp` }).address);
    assert.equal(page.status, 200, page.text);
  } finally {
    await flooded.stop();
  }
});

test('the pages are nobody else\'s to frame, to script or to keep', async () => {
  const { client_id: clientId } = await door.register({ client_name: '<script>alert(1)</script>', redirect_uris: [CALLBACK] });
  const pages = [
    await new Browser().open(door.begin(clientId).address),
    await new Browser().open(door.begin('nobody').address),
    await new Browser().open(`${door.url}/callback?state=x&code=y`),
  ];
  assert.deepEqual(pages.map(({ status }) => status), [200, 400, 400]);
  for (const { text, headers } of pages) {
    assert.ok(!text.includes('<script'));
    // The one style is ours, to the byte; browsers take no other, and no script.
    const styles = [...text.matchAll(/<style>([^<]*)<\/style>/g)];
    assert.equal(styles.length, 1);
    const hash = crypto.createHash('sha256').update(styles[0][1]).digest('base64');
    const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; frame-ancestors 'none'`;
    assert.equal(headers.get('content-security-policy'), policy);
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(headers.get('access-control-allow-origin'), null);
  }
});
