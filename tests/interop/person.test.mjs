// A person with a real browser at the front door: the page can be read, its buttons work, nothing on it runs, and what the
// browser is told about its content fits the page.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Bench } from '../integration/helpers.mjs';
import { Chromium } from '../peers/chromium.mjs';
import { listen } from '../peers/listen.mjs';
import { freePort, until } from '../peers/support.mjs';
import { Door, ENVIRONMENT, entryOf, startProvider } from './door.mjs';

const NAME = 'Ann\'s <script>document.title = "taken"</script> & <b>sons</b>';
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const door = new Door(origin, 'idp', `${origin}/servers/counting/mcp`);
const client = http.createServer((request, response) => {
  const page = request.url.startsWith('/frame?') ? `<iframe src="${request.url.slice(7).replaceAll('&', '&amp;')}"></iframe>` : 'back';
  response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
});
let provider, bench, browser, home, clientId;

before(async () => {
  home = `http://${await listen(client)}`;
  provider = await startProvider(origin, 'idp');
  bench = await Bench.start({
    hasRealServers: false,
    config: { listen: { address: `127.0.0.1:${port}` }, identity: [entryOf('idp', provider)] },
    environment: ENVIRONMENT,
  });
  ({ client_id: clientId } = await door.register({ client_name: NAME, redirect_uris: [`${home}/cb`] }));
  browser = await Chromium.start();
});
after(async () => {
  await browser?.stop();
  await bench?.stop();
  await provider?.stop();
  client.closeAllConnections();
  client.close();
});

const begin = () => door.begin(clientId, { redirect_uri: `${home}/cb` });
const buttons = 'button[value=allow], button[value=deny]';

describe('the page that asks', () => {
  before(() => browser.open(begin().address));

  test('says who asks for what, in words', async () => {
    const text = await browser.value('document.body.innerText');
    for (const part of [NAME, home, '(a program on this computer)', door.resource, provider.url, 'If you did not start this just now, refuse.']) {
      assert.ok(text.includes(part), `'${part}' in ${text}`);
    }
    assert.equal(await browser.value('document.title'), 'Let this application act for you?');
    assert.equal(await browser.value('document.documentElement.lang'), 'en');
    assert.deepEqual(await browser.spoken(), ['heading Let this application act for you?', 'button Allow', 'button Refuse']);
  });

  test('runs nothing and loads nothing', async () => {
    assert.equal(await browser.value('document.scripts.length'), 0);
    assert.equal(await browser.value('document.querySelectorAll("b, img, link, iframe, object, [onclick]").length'), 0);
    assert.deepEqual(await browser.value('performance.getEntriesByType("resource").map(({ name }) => name)'), []);
  });

  test('breaks no rule about its content, and its style is in force', async () => {
    assert.deepEqual(browser.complaints, []);
    assert.equal(await browser.value('getComputedStyle(document.body).maxWidth'), '640px');
  });

  test('fits on a small screen', async () => {
    await browser.resize(320, 480);
    assert.ok(await browser.value('document.documentElement.scrollWidth <= innerWidth'));
    const sizes = await browser.value(`[...document.querySelectorAll('${buttons}')].map((each) => each.getBoundingClientRect().height)`);
    assert.equal(sizes.length, 2);
    assert.ok(sizes.every((height) => height >= 24), `${sizes}`); // WCAG 2.2, 2.5.8
    await browser.resize(1280, 800);
  });

  // The last one here: it leaves complaints, without which those above could say nothing.
  test('would not run a script that came into it', async () => {
    await browser.value('document.body.append(Object.assign(document.createElement("script"), { text: "document.title = 1" }))');
    await until('a complaint', () => browser.complaints.some((line) => line.includes('ContentSecurityPolicy')));
    assert.equal(await browser.value('document.title'), 'Let this application act for you?');
  });
});

test('who allows it signs in and comes back with a code that is good', async () => {
  const { address, verifier } = begin();
  await browser.open(address);
  await browser.click('button[value=allow]');
  await browser.arrivesAt(`${provider.url}/sign-in/`);
  await browser.click('input[name=login]');
  await browser.type('alice');
  await browser.click('button[value=yes]');
  const back = new URL(await browser.arrivesAt(`${home}/cb`));
  assert.deepEqual([back.searchParams.get('state'), back.searchParams.get('iss')], ['s', door.url]);
  const { status } = await door.exchange({ client_id: clientId, code: back.searchParams.get('code'), code_verifier: verifier, redirect_uri: `${home}/cb` });
  assert.equal(status, 200);
});

test('who refuses is not signed in anywhere', async () => {
  const asked = provider.requests.length;
  await browser.open(begin().address);
  await browser.click('button[value=deny]');
  const back = new URL(await browser.arrivesAt(`${home}/cb`));
  assert.equal(back.searchParams.get('error'), 'access_denied');
  assert.equal(back.searchParams.get('code'), null);
  assert.equal(provider.requests.length, asked);
});

test('the page that refuses breaks no rule either', async () => {
  await browser.open(door.begin(clientId, { redirect_uri: 'https://evil.tests.example/cb' }).address);
  assert.match(await browser.value('document.body.innerText'), /The sign-in was refused/);
  assert.equal(await browser.value('getComputedStyle(document.body).maxWidth'), '640px');
  assert.deepEqual(browser.complaints.filter((line) => !line.includes('status of 400')), []);
});

test('another page cannot show it in a frame', async () => {
  const { address } = begin();
  await browser.open(`${home}/frame?${address}`);
  assert.deepEqual(await browser.failedFrames(), [address]);
});
