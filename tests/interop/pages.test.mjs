// Pages in a real browser: one of a listed origin is a client like others, and from any other not a byte reaches a server.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Bench, legacyRequest, modernCall, modernRequest } from '../integration/helpers.mjs';
import { Chromium } from '../peers/chromium.mjs';
import { listen } from '../peers/listen.mjs';

const METADATA = '/.well-known/oauth-protected-resource/servers/counting/mcp';
let bench, browser;
const sites = {};

before(async () => {
  for (const name of ['listed', 'other']) {
    const site = http.createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>a page</title>'));
    sites[name] = { site, url: `http://${await listen(site)}` };
  }
  bench = await Bench.start({ hasRealServers: false, config: { origins: [sites.listed.url] } });
  await bench.warm('counting', 'read_report');
  browser = await Chromium.start();
});
after(async () => {
  await browser?.stop();
  await bench?.stop();
  for (const { site } of Object.values(sites)) {
    site.closeAllConnections();
    site.close();
  }
});

/** What the page gets when it sends the request; `error` when the browser lets it have nothing. token null: none. */
function fromPage({ method, headers, body }, { token = bench.token, path = '/servers/counting/mcp', ...more } = {}) {
  const fields = [...headers, ...(token === null ? [] : [['Authorization', `Bearer ${token}`]])];
  const options = JSON.stringify({ method, headers: fields, ...(method === 'GET' ? {} : { body: body.toString() }), ...more });
  return browser.value(`fetch(${JSON.stringify(bench.gateway.origin + path)}, ${options})
    .then(async (answer) => ({ status: answer.status, fields: Object.fromEntries(answer.headers), text: await answer.text() }))
    .catch((error) => ({ error: error.message }))`);
}

const initialize = legacyRequest('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'page', version: '1' } });
const read = { method: 'GET', headers: [], body: '' };

describe('a page of a listed origin', () => {
  before(() => browser.open(`${sites.listed.url}/`));

  test('lists and calls', async () => {
    assert.match((await fromPage(modernRequest('tools/list'))).text, /read_report/);
    const { status, text } = await fromPage(modernCall('read_report'));
    assert.equal(status, 200, text);
    assert.match(text, /read_report/);
  });

  test('has a session and ends it', async () => {
    const begun = await fromPage(initialize);
    const session = begun.fields['mcp-session-id'];
    assert.ok(session, JSON.stringify(begun));
    const inSession = legacyRequest('tools/list', {}, { session, version: '2025-06-18' });
    assert.match((await fromPage(inSession)).text, /read_report/);
    assert.equal((await fromPage({ ...inSession, method: 'DELETE', body: '' })).status, 200);
    assert.equal((await fromPage(inSession)).status, 404);
  });

  test('reads where to get a token', async () => {
    const { answer, record } = await bench.refused(() => fromPage(modernCall('read_report'), { token: null }));
    assert.equal(answer.status, 401);
    assert.match(answer.fields['www-authenticate'], /resource_metadata=/);
    assert.equal(record.code, 'token.missing');
  });

  test('sends no cookie', async () => {
    assert.deepEqual(await fromPage(modernRequest('tools/list'), { credentials: 'include' }), { error: 'Failed to fetch' });
  });
});

describe('a page of another origin', () => {
  before(() => browser.open(`${sites.other.url}/`));

  for (const [name, request, options] of [
    ['a call', modernCall('read_report')],
    ['a call without a token', modernCall('read_report'), { token: null }],
    ['a session', initialize],
    // Browsers send these without asking first.
    ['a text without a question before', { ...modernCall('read_report'), headers: [['Content-Type', 'text/plain']] }, { token: null }],
    ['one that wants no answer', { ...modernCall('read_report'), headers: [['Content-Type', 'text/plain']] }, { token: null, mode: 'no-cors' }],
  ]) {
    test(`${name} is refused`, async () => {
      const { answer, record } = await bench.refused(() => fromPage(request, options));
      if (options?.mode === 'no-cors') assert.deepEqual([answer.status, answer.text], [0, '']); // what the browser hides
      else assert.deepEqual(answer, { error: 'Failed to fetch' });
      assert.deepEqual([record.type, record.code], ['wire.reject', 'origin_refused']);
    });
  }

  test('may read the metadata', async () => {
    const { status, text } = await fromPage(read, { token: null, path: METADATA });
    assert.equal(status, 200);
    assert.ok(Array.isArray(JSON.parse(text).authorization_servers));
  });
});
