// Tokens that are not good: 401 and a challenge outside, the exact reason in the audit, nothing at the server behind.
// And where the keys come from: a file and an address, both read again, and kept while they cannot be read.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { connectModern, mintToken, resultText, until } from '../peers/support.mjs';
import { Authority } from './certificates.mjs';
import { Bench, legacyRequest, modernCall, modernRequest, rawRequest } from './helpers.mjs';
import { Issuer, changed } from './issuer.mjs';

const CLIENTS = [['legacy', (url, token) => bench.connectLegacy(url, token)], ['modern', connectModern]];
const now = () => Math.floor(Date.now() / 1000);

const issuer = new Issuer('https://issuer.tests.example').addKey('rsa', 'rsa');
const stranger = new Issuer('https://stranger.tests.example');
const impostor = new Issuer(issuer.url);

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      return { identity: [issuer.config(path.join(folder, 'keys.json')), { name: 'development', preset: 'development', roles: ['Developers'] }] };
    },
  });
  bench.token = issuer.token();
  await bench.warm('counting', 'read_report');
});
after(() => bench?.stop());

function hmacWithThePublicKey() {
  const token = changed(issuer.token({ kid: 'rsa' }), { header: { alg: 'HS256' } });
  const signed = token.slice(0, token.lastIndexOf('.'));
  return `${signed}.${crypto.createHmac('sha256', issuer.jwks()).update(signed).digest('base64url')}`;
}

const ROWS = [
  { name: 'no token', code: 'token.missing', token: () => undefined },
  { name: 'no JWT', code: 'token.malformed', token: () => 'not-a-token' },
  { name: 'two parts', code: 'token.malformed', token: () => issuer.token().split('.').slice(0, 2).join('.') },
  { name: 'four parts', code: 'token.malformed', token: () => `${issuer.token()}.AAAA` },
  { name: 'padding', code: 'token.malformed', token: () => `${issuer.token()}=` },
  { name: 'another audience', code: 'token.audience', token: () => issuer.token({ claims: { aud: 'other' } }) },
  { name: 'an audience in another case', code: 'token.audience', token: () => issuer.token({ claims: { aud: 'Aegis' } }) },
  { name: 'no audience', code: 'token.audience', token: () => issuer.token({ claims: { aud: undefined } }) },
  { name: 'a foreign issuer', code: 'token.issuer', token: () => stranger.token() },
  { name: 'an issuer with a slash more', code: 'token.issuer', token: () => issuer.token({ claims: { iss: `${issuer.url}/` } }) },
  { name: 'no issuer', code: 'token.issuer', token: () => issuer.token({ claims: { iss: undefined } }) },
  { name: 'the right issuer but a foreign key', code: 'token.signature', token: () => impostor.token() },
  { name: 'a key nobody published', code: 'token.key', token: () => impostor.addKey('hidden').token({ kid: 'hidden' }) },
  { name: 'alg none', code: 'token.alg', token: () => changed(issuer.token(), { header: { alg: 'none' } }) },
  { name: 'alg none and no signature', code: 'token.malformed', token: () => changed(issuer.token(), { header: { alg: 'none' }, signature: '' }) },
  { name: 'alg None', code: 'token.alg', token: () => changed(issuer.token(), { header: { alg: 'None' } }) },
  { name: 'an HMAC by the public key', code: 'token.alg', token: hmacWithThePublicKey },
  { name: 'RS256 with the other key', code: /^token\.(key|signature|alg)$/, token: () => issuer.token({ header: { alg: 'RS256' } }) },
  { name: 'a changed payload', code: 'token.signature', token: () => changed(issuer.token(), { payload: { sub: 'root' } }) },
  { name: 'a signature of zeros', code: 'token.signature', token: () => changed(issuer.token(), { signature: 'A'.repeat(86) }) },
  { name: 'a critical extension', code: 'token.header', token: () => issuer.token({ header: { crit: ['b64'], b64: false } }) },
  { name: 'an expired token', code: 'token.expired', token: () => issuer.token({ claims: { exp: now() - 120 } }) },
  { name: 'no expiry', code: 'token.no_expiry', token: () => issuer.token({ claims: { exp: undefined } }) },
  { name: 'an expiry that is text', code: 'token.claim', token: () => issuer.token({ claims: { exp: String(now() + 600) } }) },
  { name: 'a token of tomorrow', code: 'token.not_yet_valid', token: () => issuer.token({ claims: { nbf: now() + 86400 } }) },
  { name: 'no subject', code: 'token.subject', token: () => issuer.token({ claims: { sub: undefined } }) },
  { name: 'the audience of the development issuer', code: 'token.audience', token: () => mintToken(bench.state, { audience: 'other' }) },
];

function judge(record, code) {
  assert.equal(record.type, 'auth.reject');
  assert.equal(record.subject ?? '', '', 'nobody is named by a token that is not good');
  if (code instanceof RegExp) assert.match(record.code, code);
  else assert.equal(record.code, code);
}

test('raw calls', async (t) => {
  const url = bench.serverUrl('counting');
  const tokens = await Promise.all(ROWS.map(({ token }) => token()));
  const outcomes = await bench.refusedAll(tokens.map((token) => () => rawRequest(url, modernCall('read_report'), token)));
  for (const [i, { name, code }] of ROWS.entries()) {
    const { answer, record } = outcomes[i];
    await t.test(`with ${name}`, () => {
      assert.equal(answer.status, 401);
      assert.equal(answer.body.length, 0);
      const where = `Bearer resource_metadata="${bench.gateway.origin}/.well-known/oauth-protected-resource/servers/counting/mcp"`;
      const what = code === 'token.expired' ? 'expired' : 'is not valid';
      const why = `, error="invalid_token", error_description="The access token ${what}"`;
      assert.equal(answer.headers.get('www-authenticate'), tokens[i] === undefined ? where : where + why);
      judge(record, code);
    });
  }
});

for (const [era, connect] of CLIENTS) {
  test(`the ${era} client`, async (t) => {
    const rows = ROWS.filter(({ name }) => name !== 'no JWT');
    const tokens = await Promise.all(rows.map(({ token }) => token()));
    const outcomes = await bench.refusedAll(tokens.map((token) => () =>
      connect(bench.serverUrl('counting'), token).then(() => undefined, (error) => error)));
    for (const [i, { name, code }] of rows.entries()) {
      await t.test(`cannot connect with ${name}`, () => {
        assert.ok(outcomes[i].answer instanceof Error);
        judge(outcomes[i].record, code);
      });
    }
  });

  test(`the ${era} client whose token ends while it is connected`, async () => {
    let token = issuer.token();
    const client = await connect(bench.serverUrl('counting'), () => token);
    assert.equal(resultText(await client.callTool({ name: 'read_report', arguments: {} })), 'read_report');
    token = issuer.token({ claims: { exp: now() - 120 } });
    const { answer, record } = await bench.refused(() =>
      client.callTool({ name: 'read_report', arguments: {} }).then(() => undefined, (error) => error));
    assert.ok(answer instanceof Error);
    judge(record, 'token.expired');
    await client.close().catch(() => {});
  });

  test(`the ${era} client with both algorithms`, async () => {
    for (const kid of ['first', 'rsa']) {
      const client = await connect(bench.serverUrl('counting'), issuer.token({ kid }));
      assert.equal(resultText(await client.callTool({ name: 'read_report', arguments: {} })), 'read_report');
      await client.close();
    }
  });
}

test('a session of one caller is nobody else\'s', async () => {
  const url = bench.serverUrl('counting');
  const initialize = legacyRequest('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } });
  const session = (await rawRequest(url, initialize, issuer.token())).headers.get('mcp-session-id');
  const call = legacyRequest('tools/call', { name: 'read_report', arguments: {} }, { session, version: '2025-11-25' });
  assert.equal((await rawRequest(url, call, issuer.token())).status, 200);
  const { answer, record } = await bench.refused(() => rawRequest(url, call, issuer.token({ claims: { sub: 'mallory' } })));
  assert.equal(answer.status, 404);
  assert.equal(record.type, 'session.mismatch');
  assert.equal(record.subject, 'mallory');
});

describe('the metadata of a protected resource', () => {
  const get = (target) => rawRequest(bench.gateway.origin + target, { method: 'GET', headers: [], body: Buffer.alloc(0) });

  for (const endpoint of ['/mcp', '/servers/counting/mcp']) {
    test(`of ${endpoint}`, async () => {
      const { status, headers, body } = await get(`/.well-known/oauth-protected-resource${endpoint}`);
      assert.equal(status, 200);
      assert.equal(headers.get('content-type'), 'application/json');
      const { dpop_signing_alg_values_supported: algorithms, ...rest } = JSON.parse(body);
      assert.ok(algorithms.includes('ES256') && !algorithms.includes('none'));
      assert.deepEqual(rest, {
        resource: bench.gateway.origin + endpoint,
        authorization_servers: [issuer.url, 'urn:aegis:development'],
        bearer_methods_supported: ['header'],
        resource_name: 'Aegis MCP Gateway',
      });
    });
  }

  for (const endpoint of ['/nothing', '/servers/counting', '/MCP', '/mcp/']) {
    test(`of ${endpoint} does not exist`, async () => {
      const { status } = await get(`/.well-known/oauth-protected-resource${endpoint}`);
      assert.equal(status, 404);
    });
  }
});

/** Has nobody taken the signal yet? */
async function isPending(pid, signal) {
  const status = await fs.readFile(`/proc/${pid}/status`, 'utf8');
  return (BigInt(`0x${/^ShdPnd:\t(\w+)$/m.exec(status)[1]}`) >> BigInt(signal - 1) & 1n) === 1n;
}

describe('keys that change', () => {
  const rotating = new Issuer('https://rotating.tests.example');
  let keys;
  let mayAnswer = true;
  let held = Promise.resolve();
  let asked = 0;
  let own;

  before(async () => {
    keys = http.createServer(async (request, response) => {
      asked++;
      await held;
      response.writeHead(mayAnswer ? 200 : 503, { 'Content-Type': 'application/json' }).end(mayAnswer ? rotating.jwks() : '');
    });
    keys.listen(0, '127.0.0.1');
    await once(keys, 'listening');
    own = await Bench.start({
      hasRealServers: false,
      config: async ({ folder }) => {
        await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
        const address = `http://127.0.0.1:${keys.address().port}/jwks`;
        return { identity: [rotating.config(address), { ...issuer.config(path.join(folder, 'keys.json')), name: 'file' }] };
      },
    });
  });
  after(async () => {
    keys?.closeAllConnections();
    keys?.close();
    await own?.stop();
  });

  /** The status that every loop of the gateway answers a token with. */
  async function status(token) {
    const list = () => rawRequest(own.serverUrl('counting'), modernRequest('tools/list'), token);
    const answers = new Set((await Promise.all(Array.from({ length: 8 }, list))).map((answer) => answer.status));
    assert.equal(answers.size, 1, [...answers].join());
    return [...answers][0];
  }

  test('at an address', async () => {
    assert.equal(await status(rotating.token()), 200);
    rotating.addKey('second');
    const old = rotating.token();
    assert.equal(await status(rotating.token({ kid: 'second' })), 200); // it waits for the key
    assert.equal(await status(old), 200);
    rotating.removeKey('first');
    await own.reload();
    assert.equal(await status(old), 401);
    assert.equal(await status(rotating.token({ kid: 'second' })), 200);
  });

  test('in a file', async () => {
    const fresh = new Issuer(issuer.url).addKey('fresh');
    assert.equal(await status(issuer.token()), 200);
    await fs.writeFile(path.join(own.folder, 'keys.json'), fresh.jwks());
    await own.reload();
    assert.equal(await status(fresh.token({ kid: 'fresh' })), 200);
    assert.equal(await status(issuer.token()), 401);
  });

  test('are read again after a reload during which another one was asked for', async () => {
    const { child } = own.gateway;
    const seen = child.errors.length;
    const late = new Issuer(issuer.url).addKey('late');
    let release;
    held = new Promise((resolve) => { release = resolve; });
    const before_ = asked;
    child.kill('SIGHUP');
    await until('somebody to ask for keys', () => asked > before_);
    await fs.writeFile(path.join(own.folder, 'keys.json'), late.jwks());
    child.kill('SIGHUP');
    await until('the signal to arrive', async () => !await isPending(child.pid, os.constants.signals.SIGHUP));
    release();
    await until(() => `the second reload: ${child.errors.slice(seen)}`, () => child.errors.slice(seen).split('reloaded').length >= 3);
    assert.equal(await status(late.token({ kid: 'late' })), 200);
  });

  test('stay in force while their address is down', async () => {
    mayAnswer = false;
    await own.reload();
    assert.match(own.gateway.child.errors, /cannot be read: .*; those read \d+ minutes ago stay in use/);
    assert.equal(await status(rotating.token({ kid: 'second' })), 200);
  });
});

describe('keys at an https address whose certificate the system does not know', () => {
  const private_ = new Issuer('https://private.tests.example');
  let keys, folder, authority, other;
  let connections = 0;

  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-ca-'));
    [authority, other] = [await Authority.make(folder, 'ours'), await Authority.make(folder, 'theirs')];
    const { cert, key } = await authority.issue('keys');
    keys = https.createServer({ cert, key }, (request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(private_.jwks());
    });
    keys.on('connection', () => { connections++; }).listen(0, '127.0.0.1');
    await once(keys, 'listening');
  });
  after(async () => {
    keys?.closeAllConnections();
    keys?.close();
    await fs.rm(folder, { recursive: true, force: true });
  });

  for (const [name, ca, status] of [
    ['are read by the authorities of the entry', () => ({ ca: authority.file }), 200],
    ['are not read by others', () => ({ ca: other.file }), 503],
    ['are not read by those of the system', () => ({}), 503],
  ]) {
    test(name, async () => {
      const address = `https://localhost:${keys.address().port}/jwks`;
      const seen = connections;
      const own = await Bench.start({ hasRealServers: false, config: { identity: [{ ...private_.config(address), ...ca() }] } });
      try {
        const answer = await rawRequest(own.serverUrl('counting'), modernRequest('tools/list'), private_.token());
        assert.equal(answer.status, status);
        assert.ok(connections > seen, 'the keys were asked for');
      } finally {
        await own.stop();
      }
    });
  }
});

describe('keys that nobody has read yet', () => {
  let own;

  before(async () => {
    own = await Bench.start({
      hasRealServers: false,
      config: ({ folder }) => ({ identity: [issuer.config(path.join(folder, 'absent.json'))] }),
    });
  });
  after(() => own?.stop());

  for (const [name, bytes] of [['a small body', 0], ['a body that strangers may not send', 20000]]) {
    test(`refuse every token: ${name}`, async () => {
      const request = modernCall('read_report', { pad: 'x'.repeat(bytes) });
      const { answer, record } = await own.refused(() => rawRequest(own.serverUrl('counting'), request, issuer.token()));
      assert.equal(answer.status, 503);
      assert.equal(answer.messages[0].error.code, 50304);
      assert.equal(answer.messages[0].error.data.code, 'identity_unavailable');
      assert.equal(answer.headers.get('www-authenticate'), undefined);
      assert.deepEqual([record.type, record.code], ['auth.reject', 'identity_unavailable']);
    });
  }

  test('keep the gateway from being ready', async () => {
    const { status, body } = await rawRequest(`${own.gateway.origin}/ready`, { method: 'GET', headers: [], body: Buffer.alloc(0) });
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body), { ready: false, reason: 'identity_unavailable' });
  });
});
