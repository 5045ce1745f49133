// Where people sign in, found in the provider's metadata: while they are not there the front door is closed and says so,
// then it opens by itself, and a reload sees what has changed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Bench } from '../integration/helpers.mjs';
import { SteppingMemory, callSteppingUp } from '../peers/stepping-client.mjs';
import { auditRecords, freePort, lastSequence, until } from '../peers/support.mjs';
import { Browser, Door, ENVIRONMENT, entryOf, startProvider } from './door.mjs';

const METADATA = '/.well-known/openid-configuration';

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const provider = await startProvider(origin, 'idp');
const door = new Door(origin, 'idp', `${origin}/servers/counting/mcp`);
/** What the metadata say instead; undefined: that they are not there. */
let changes;
let bench;

async function metadata() {
  provider.intercept = undefined;
  const document = await (await fetch(provider.url + METADATA)).json();
  provider.intercept = (request, response) => {
    if (!request.url.startsWith('/.well-known/')) return false;
    const isThere = changes !== undefined && request.url === METADATA;
    response.writeHead(isThere ? 200 : 404, { 'Content-Type': 'application/json' })
      .end(JSON.stringify(isThere ? { ...document, ...changes } : {}));
    return true;
  };
}

before(async () => {
  await metadata();
  const { sign_in: { authorization_endpoint: _, token_endpoint: __, ...signIn }, ...entry } = entryOf('idp', provider);
  bench = await Bench.start({
    hasRealServers: false,
    config: { listen: { address: `127.0.0.1:${port}` }, identity: [{ ...entry, sign_in: signIn }] },
    environment: ENVIRONMENT,
  });
});
after(async () => {
  await bench?.stop();
  await provider.stop();
});

/** Asks until the answer has that status; returns it. */
async function answered(status, ask) {
  let answer;
  return until(() => `status ${status}, which is ${answer.status}: ${bench.gateway.child.errors}`, async () => {
    answer = await ask();
    return answer.status === status && answer;
  });
}

/** Puts other metadata in force. */
async function say(other) {
  const asked = () => provider.requests.filter((path) => path === METADATA).length;
  const before = asked();
  changes = other;
  await bench.reload();
  assert.ok(asked() > before, 'a reload asks for the metadata');
}

const open = () => answered(201, () => door.register());
const closed = () => answered(503, () => door.register());

test('closed while nobody knows where people sign in, and says so', async () => {
  const sequence = await lastSequence(bench.state);
  for (const address of [door.begin('nobody').address, `${door.url}/callback?state=x&code=y`]) {
    const { status, headers, location } = await new Browser().open(address);
    assert.deepEqual([status, headers.get('retry-after'), location], [503, '1', null]);
  }
  for (const answer of [await door.register(), await door.exchange({ client_id: 'nobody', code: 'c' })]) {
    assert.deepEqual([answer.status, answer.error], [503, 'temporarily_unavailable']);
  }
  const records = await auditRecords(bench.state, sequence);
  assert.deepEqual(records.map(({ type, code }) => `${type} ${code}`), Array(4).fill('auth.reject sign_in.provider_unknown'));
  // Its tokens are good all the same: where its keys are is configured.
  const metadata = await fetch(`${origin}/.well-known/oauth-authorization-server/sign-in/idp`);
  assert.equal(metadata.status, 200);
});

for (const [name, other] of [
  ['of another issuer', { issuer: 'https://evil.tests.example' }],
  ['with an endpoint elsewhere', { token_endpoint: 'https://evil.tests.example/token' }],
  ['with a page elsewhere', { authorization_endpoint: 'https://evil.tests.example/auth' }],
  ['with an endpoint without TLS on another machine', { token_endpoint: 'http://evil.tests.example/token' }],
  ['without one of the endpoints', { token_endpoint: undefined }],
  ['with a script for a page', { authorization_endpoint: 'javascript:alert(1)' }],
]) {
  test(`closed with metadata ${name}`, async () => {
    await say(other);
    await closed();
  });
}

test('open with good metadata: a client that nobody knew signs in and calls a tool', async () => {
  await say({});
  await open();
  const memory = new SteppingMemory('http://127.0.0.1:3456/cb');
  const follow = (address) => new Browser().signIn(address);
  assert.equal(await callSteppingUp(door.resource, memory, follow, 'read_report'), 'read_report');
});

test('open still when the provider has no metadata for a while', async () => {
  await say(undefined);
  const { client_id: clientId } = await open();
  assert.ok((await new Browser().allow(door.begin(clientId).address)).startsWith(`${provider.url}/auth?`));
});

test('another page after a reload', async () => {
  await say({ authorization_endpoint: `${provider.url}/elsewhere` });
  const { client_id: clientId } = await open();
  const address = door.begin(clientId).address;
  const browser = new Browser();
  await answered(303, async () => {
    const ticket = await browser.ask(address);
    const answer = await browser.open(`${door.url}/consent`, { ticket, decision: 'allow' });
    return answer.location?.startsWith(`${provider.url}/elsewhere?`) ? answer : { status: 0 };
  });
});

test('an answer without a name, of a provider that names itself in each', async () => {
  await say({ authorization_response_iss_parameter_supported: true });
  const { client_id: clientId } = await open();
  const browser = new Browser();
  const sequence = await lastSequence(bench.state);
  await answered(400, async () => {
    const back = new URL(await browser.agree(door.begin(clientId).address).catch(() => `${origin}/`));
    if (back.pathname === '/') return { status: 0 };
    assert.equal(back.searchParams.get('iss'), provider.url);
    back.searchParams.delete('iss');
    return browser.open(back);
  });
  const records = await auditRecords(bench.state, sequence);
  assert.ok(records.some(({ code }) => code === 'sign_in.issuer'));
});

test('closed again when the metadata lose what they had', async () => {
  await say({ authorization_endpoint: undefined });
  await closed();
});
