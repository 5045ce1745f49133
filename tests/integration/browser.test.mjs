// Pages in a browser, by what decides there: the answers to preflights, and the fields of the answers that pages may read.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Bench, LISTED_ORIGIN, legacyRequest, modernCall, modernRequest, rawRequest } from './helpers.mjs';

const METADATA = '/.well-known/oauth-protected-resource/servers/counting/mcp';
const EMPTY = Buffer.alloc(0);

let bench;
before(async () => {
  bench = await Bench.start({ hasRealServers: false });
  await bench.warm('counting', 'read_report');
});
after(() => bench?.stop());

const from = (origin, request) => ({ ...request, headers: [...request.headers, ['Origin', origin]] });

function preflight(origin, { method = 'POST', fields } = {}) {
  const headers = [['Origin', origin], ['Access-Control-Request-Method', method]];
  if (fields !== undefined) headers.push(['Access-Control-Request-Headers', fields]);
  return { method: 'OPTIONS', headers, body: EMPTY };
}

/** What a browser does with a list in a field. */
const listed = (answer, name) => (answer.headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase());

function isReadable({ headers }, origin = LISTED_ORIGIN) {
  return headers.get('access-control-allow-origin') === origin && headers.get('vary').includes('Origin');
}

describe('a page of a listed origin', () => {
  for (const path of ['/mcp', '/servers/counting/mcp', '/servers/nobody/mcp']) {
    test(`may ask first at ${path}`, async () => {
      const asked = 'authorization, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, mcp-param-region';
      const answer = await rawRequest(bench.gateway.origin + path, preflight(LISTED_ORIGIN, { fields: asked }));
      assert.equal(answer.status, 204);
      assert.ok(isReadable(answer));
      assert.ok(listed(answer, 'access-control-allow-methods').includes('post'));
      const allowed = listed(answer, 'access-control-allow-headers');
      assert.deepEqual(asked.split(', ').filter((name) => !allowed.includes(name)), []);
      assert.ok(!allowed.includes('*') && !allowed.includes('cookie'));
      assert.equal(answer.headers.get('access-control-allow-credentials'), undefined);
    });
  }

  test('reads a result', async () => {
    const answer = await rawRequest(bench.serverUrl('counting'), from(LISTED_ORIGIN, modernRequest('tools/list')), bench.token);
    assert.equal(answer.status, 200);
    assert.ok(isReadable(answer));
  });

  test('may be served by this machine under a name of the gateway', async () => {
    const { port } = new URL(bench.gateway.url);
    for (const [origin, status] of [
      [`http://localhost:${port}`, 200], [`http://127.0.0.1:${port}`, 200], [`http://[::1]:${port}`, 200],
      [`https://localhost:${port}`, 403], ['http://localhost', 403], [`http://localhost:${port}/`, 403],
      [`http://localhost.evil.example:${port}`, 403], [`http://127.0.0.1:${Number(port) ^ 1}`, 403], ['null', 403],
    ]) {
      const answer = await rawRequest(bench.serverUrl('counting'), from(origin, modernRequest('tools/list')), bench.token);
      assert.equal(answer.status, status, origin);
    }
  });

  test('reads a stream', async () => {
    const answer = await rawRequest(bench.serverUrl('counting'), from(LISTED_ORIGIN, modernCall('read_report')), bench.token);
    assert.equal(answer.status, 200);
    assert.ok(isReadable(answer));
  });

  test('reads the id of its session on either loop', async () => {
    const initialize = legacyRequest('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'page', version: '1' } });
    const begun = await rawRequest(bench.serverUrl('counting'), from(LISTED_ORIGIN, initialize), bench.token);
    assert.ok(isReadable(begun));
    assert.ok(listed(begun, 'access-control-expose-headers').includes('mcp-session-id'));
    const session = begun.headers.get('mcp-session-id');
    const list = from(LISTED_ORIGIN, legacyRequest('tools/list', {}, { session, version: '2025-06-18' }));
    for (let i = 0; i < 8; i++) {
      const answer = await rawRequest(bench.serverUrl('counting'), list, bench.token);
      assert.equal(answer.status, 200);
      assert.ok(isReadable(answer));
    }
  });

  test('reads where to get a token', async () => {
    for (const bytes of [0, 20000]) {
      const request = from(LISTED_ORIGIN, modernCall('read_report', { pad: 'x'.repeat(bytes) }));
      const { answer } = await bench.refused(() => rawRequest(bench.serverUrl('counting'), request));
      assert.equal(answer.status, 401);
      assert.ok(isReadable(answer));
      assert.ok(listed(answer, 'access-control-expose-headers').includes('www-authenticate'));
    }
  });

  test('reads that a stream needs a session', async () => {
    const request = { method: 'GET', headers: [['Origin', LISTED_ORIGIN], ['Accept', 'text/event-stream']], body: EMPTY };
    const { answer } = await bench.refused(() => rawRequest(bench.serverUrl('counting'), request, bench.token));
    assert.equal(answer.status, 400);
    assert.ok(isReadable(answer));
  });
});

describe('a page of another origin', () => {
  for (const origin of ['https://evil.example', 'null', '*', `${LISTED_ORIGIN}:444`, `${LISTED_ORIGIN}.evil.example`, 'http://console.aegis.example']) {
    test(origin, async () => {
      const asked = await bench.refused(() => rawRequest(bench.serverUrl('counting'), preflight(origin)));
      const sent = await bench.refused(() => rawRequest(bench.serverUrl('counting'), from(origin, modernCall('read_report')), bench.token));
      for (const { answer, record } of [asked, sent]) {
        assert.equal(answer.status, 403);
        assert.equal(answer.headers.get('access-control-allow-origin'), undefined);
        assert.equal(answer.headers.get('access-control-allow-methods'), undefined);
        assert.deepEqual([record.type, record.code], ['wire.reject', 'origin_refused']);
      }
    });
  }
});

test('OPTIONS that no browser sends', async () => {
  const rows = [
    [405, 'http.method', { method: 'OPTIONS', headers: [], body: EMPTY }],
    [405, 'http.method', { method: 'OPTIONS', headers: [['Origin', LISTED_ORIGIN]], body: EMPTY }],
    [405, 'http.method', preflight(LISTED_ORIGIN, { method: 'PUT' })],
    [405, 'http.body', { ...preflight(LISTED_ORIGIN), body: Buffer.from('{}') }],
    [403, 'origin_refused', from(LISTED_ORIGIN, preflight(LISTED_ORIGIN))],
  ];
  for (const [status, code, request] of rows) {
    const { answer, record } = await bench.refused(() => rawRequest(bench.serverUrl('counting'), request));
    assert.deepEqual([answer.status, record.code], [status, code]);
  }
  const { answer } = await bench.refused(() => rawRequest(`${bench.gateway.origin}/servers/counting`, preflight(LISTED_ORIGIN)));
  assert.equal(answer.status, 404);
});

test('any page reads the metadata', async () => {
  const answer = await rawRequest(bench.gateway.origin + METADATA, preflight('https://any.example', { method: 'GET', fields: 'mcp-protocol-version' }));
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  assert.deepEqual(listed(answer, 'access-control-allow-headers'), ['mcp-protocol-version']);
  const read = await rawRequest(bench.gateway.origin + METADATA, { method: 'GET', headers: [['Origin', 'https://any.example']], body: EMPTY });
  assert.deepEqual([read.status, read.headers.get('access-control-allow-origin')], [200, '*']);
});

test('who is no page is told nothing of pages', async () => {
  const { headers } = await rawRequest(bench.serverUrl('counting'), modernRequest('tools/list'), bench.token);
  assert.deepEqual([...headers.keys()].filter((name) => name.startsWith('access-control') || name === 'vary'), []);
});
