// Clients whose id is the address of their document, fetched from a real https server of this machine, which the
// configuration allows, from one that it does not, and from servers that misbehave.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Authority } from '../integration/certificates.mjs';
import { Bench } from '../integration/helpers.mjs';
import { listen } from '../peers/listen.mjs';
import { SteppingMemory, callSteppingUp } from '../peers/stepping-client.mjs';
import { auditRecords, freePort, lastSequence } from '../peers/support.mjs';
import { Browser, CALLBACK, Door, ENVIRONMENT, entryOf, startProvider } from './door.mjs';

const LOOPS = 2;
const DOCUMENT_BYTES_MAX = 16384; // limits.sign_in_document_bytes
const JSON_TYPE = { 'Content-Type': 'application/json' };

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const door = new Door(origin, 'idp', `${origin}/servers/counting/mcp`);
let folder, authority, server, provider, bench, other;

/** What lies where: `{ path: (response, address) => ... }`, and how often it was asked for. */
const places = new Map();
const asked = new Map();

async function serve(tls, host = '127.0.0.1') {
  const started = https.createServer(tls, (request, response) => {
    asked.set(request.url, (asked.get(request.url) ?? 0) + 1);
    const place = places.get(request.url);
    if (place === undefined) response.writeHead(404, JSON_TYPE).end('{}');
    else place(response, started.address_of(request.url), request);
  });
  await listen(started, host);
  started.address_of = (name) => `https://127.0.0.1:${started.address().port}${name}`;
  return started;
}

const close = (one) => new Promise((resolve) => { one.close(resolve); one.closeAllConnections(); });

/** A document as it should be, but for changes. */
function put(name, changes = {}, fields = JSON_TYPE) {
  places.set(name, (response, address) => {
    response.writeHead(200, fields).end(JSON.stringify({ client_id: address, client_name: 'Described', redirect_uris: [CALLBACK], ...changes }));
  });
  return server.address_of(name);
}

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-documents-'));
  authority = await Authority.make(folder, 'documents');
  server = await serve(await authority.issue('server', { names: 'IP:127.0.0.1' }));
  const stranger = await Authority.make(folder, 'stranger');
  other = await serve(await stranger.issue('other'));
  provider = await startProvider(origin, 'idp');
  bench = await Bench.start({
    hasRealServers: false,
    config: {
      listen: { address: `127.0.0.1:${port}` },
      client_documents: { networks: ['127.0.0.1/32'], ca: authority.file },
      identity: [entryOf('idp', provider)],
    },
    environment: ENVIRONMENT,
  });
});
after(async () => {
  await bench?.stop();
  await provider?.stop();
  for (const one of [server, other]) if (one !== undefined) await close(one);
  if (folder !== undefined) await fs.rm(folder, { recursive: true, force: true });
});

test('a client of the SDK that is named by its document signs in and calls a tool', async () => {
  const sequence = await lastSequence(bench.state);
  const memory = new SteppingMemory('http://127.0.0.1:3456/cb');
  memory.clientMetadataUrl = put('/sdk.json', { client_name: 'By document', redirect_uris: ['http://127.0.0.1/cb'] });
  const browser = new Browser();
  const follow = async (address) => {
    const { text } = await browser.open(address);
    assert.match(text, /<dd>By document<\/dd>/);
    assert.ok(text.includes(memory.clientMetadataUrl));
    assert.match(text, /a program on this computer/);
    return browser.signIn(address);
  };
  assert.equal(await callSteppingUp(door.resource, memory, follow, 'read_report'), 'read_report');
  assert.equal(memory.information.client_id, memory.clientMetadataUrl);
  const records = await auditRecords(bench.state, sequence);
  const steps = records.filter(({ type }) => type === 'auth.sign_in');
  assert.deepEqual(steps.map(({ code }) => code), ['sign_in.consent', 'sign_in.code', 'sign_in.tokens', 'sign_in.tokens']);
  for (const { client_id: id } of steps) assert.equal(id, memory.clientMetadataUrl);
});

test('a document is fetched once by each loop, while it is good', async () => {
  const id = put('/kept.json', {}, { ...JSON_TYPE, 'Cache-Control': 'max-age=600' });
  for (let i = 0; i < 8; i++) assert.ok(await new Browser().ask(door.begin(id).address));
  assert.ok(asked.get('/kept.json') >= 1 && asked.get('/kept.json') <= LOOPS, `fetched ${asked.get('/kept.json')} times`);
});

test('a document that must not be kept is asked for again', async () => {
  const id = put('/fresh.json', {}, { ...JSON_TYPE, 'Cache-Control': 'no-store' });
  for (let i = 0; i < 3; i++) assert.ok(await new Browser().ask(door.begin(id).address));
  assert.equal(asked.get('/fresh.json'), 3);
});

test('the gateway tells a document\'s server nothing but its name', async () => {
  let seen;
  places.set('/seen.json', (response, address, request) => {
    seen = request.headers;
    response.writeHead(200, JSON_TYPE).end(JSON.stringify({ client_id: address, redirect_uris: [CALLBACK] }));
  });
  const browser = new Browser();
  await browser.ask(door.begin(server.address_of('/seen.json')).address);
  assert.deepEqual(Object.keys(seen).sort(), ['accept', 'connection', 'host', 'user-agent'].filter((name) => name in seen).sort());
});

describe('refused', () => {
  const refused = async (id, changes = {}) => {
    const sequence = await lastSequence(bench.state);
    const { status, location, text } = await new Browser().open(door.begin(id, changes).address);
    assert.deepEqual([status, location], [400, null], text);
    const [{ type, code }] = await auditRecords(bench.state, sequence);
    assert.equal(type, 'auth.reject');
    return code;
  };
  const raw = (name, status, fields, body) => {
    places.set(name, (response) => response.writeHead(status, fields).end(body));
    return () => server.address_of(name);
  };
  const whole = (name) => () => put(name);
  const target = whole('/target.json');

  for (const [name, id] of [
    ['no document', () => server.address_of('/none.json')],
    ['a page', raw('/page.html', 200, { 'Content-Type': 'text/html' }, '<html></html>')],
    ['a good document as a text', () => put('/text.json', {}, { 'Content-Type': 'text/plain' })],
    ['a good document without a type', () => put('/untyped.json', {}, {})],
    ['no JSON', raw('/broken.json', 200, JSON_TYPE, '{"client_id":')],
    ['a name twice', raw('/twice.json', 200, JSON_TYPE, `{"redirect_uris":["${CALLBACK}"],"redirect_uris":["https://evil.tests.example/"]}`)],
    ['the document of another', () => put('/other.json', { client_id: 'https://other.tests.example/client.json' })],
    ['its own address, spelled otherwise', () => put('/spelled.json', { client_id: server.address_of('/spelled.json').replace('127.0.0.1', 'localhost') })],
    ['no addresses for codes', () => put('/nowhere.json', { redirect_uris: [] })],
    ['an address for codes without TLS', () => put('/plain.json', { redirect_uris: ['http://client.tests.example/cb'] })],
    ['a script for an address', () => put('/script.json', { redirect_uris: ['javascript:alert(1)'] })],
    ['a secret', () => put('/secret.json', { client_secret: 'x' })],
    ['a client with a secret', () => put('/basic.json', { token_endpoint_auth_method: 'client_secret_basic' })],
    ['a client with a key', () => put('/key.json', { token_endpoint_auth_method: 'private_key_jwt' })],
    ['another flow', () => put('/implicit.json', { grant_types: ['implicit'], response_types: ['token'] })],
    ['more than it may be', () => put('/long.json', { padding: 'x'.repeat(DOCUMENT_BYTES_MAX) })],
    ['a document that moved', () => {
      target();
      return raw('/moved.json', 302, { Location: server.address_of('/target.json') }, '')();
    }],
    ['one that moved, with a document', () => {
      places.set('/moved-too.json', (response, address) => response.writeHead(301, { ...JSON_TYPE, Location: address })
        .end(JSON.stringify({ client_id: address, redirect_uris: [CALLBACK] })));
      return server.address_of('/moved-too.json');
    }],
    ['a server that ends in the middle', () => {
      places.set('/cut.json', (response) => {
        response.writeHead(200, { ...JSON_TYPE, 'Content-Length': '1000' });
        response.write('{', () => response.destroy());
      });
      return server.address_of('/cut.json');
    }],
    ['a server that nobody vouches for', () => put('/untrusted.json') && other.address_of('/untrusted.json')],
    ['a name that its certificate has not', () => server.address_of('/sdk.json').replace('127.0.0.1', 'localhost')],
    ['nobody there', () => 'https://127.0.0.1:9/client.json'],
    ['an address that is not allowed', () => put('/v6.json') && server.address_of('/v6.json').replace('127.0.0.1', '127.0.0.2')],
    ['an address of IPv6', () => server.address_of('/v6.json').replace('127.0.0.1', '[::1]')],
    ['an IPv4 address inside one of IPv6', () => server.address_of('/v6.json').replace('127.0.0.1', '[::ffff:7f00:1]')],
    ['the network of a cloud', () => 'https://169.254.169.254/latest/meta-data'],
    ['a private network', () => 'https://10.0.0.1/client.json'],
  ]) {
    test(name, async () => {
      asked.delete('/target.json');
      assert.equal(await refused(id()), 'sign_in.client_document');
      assert.equal(asked.get('/target.json'), undefined);
    });
  }

  for (const [name, id] of [
    ['no TLS', () => server.address_of('/sdk.json').replace('https:', 'http:')],
    ['no path', () => server.address_of('')],
    ['a path with dots', () => server.address_of('/a/../sdk.json')],
    ['a fragment', () => server.address_of('/sdk.json#x')],
    ['a user', () => server.address_of('/sdk.json').replace('127.0.0.1', 'user@127.0.0.1')],
    ['another scheme', () => 'file:///etc/passwd'],
  ]) {
    test(`an id with ${name}`, async () => assert.equal(await refused(id()), 'sign_in.client'));
  }

  test('a foreign address for codes', async () => {
    assert.equal(await refused(put('/good.json'), { redirect_uri: `${CALLBACK}/x` }), 'sign_in.redirect_uri');
  });

  test('what was refused, without asking again', async () => {
    const id = put('/again.json', { redirect_uris: [] });
    for (let i = 0; i < 6; i++) await refused(id);
    assert.ok(asked.get('/again.json') <= LOOPS);
  });
});
