// Steps up through the front door: a challenge of the gateway becomes another sign-in at the provider, and the call goes through.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Bench } from '../integration/helpers.mjs';
import { SteppingMemory, callSteppingUp } from '../peers/stepping-client.mjs';
import { freePort, rootFolder } from '../peers/support.mjs';
import { Browser, Door, ENVIRONMENT, entryOf, startProvider } from './door.mjs';

const MFA = 'urn:tests:acr:two-factors';

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const provider = await startProvider(origin, 'idp', { scope: 'mcp:call approve' });
const door = new Door(origin, 'idp', `${origin}/servers/counting/mcp`);
let bench;

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: {
      listen: { address: `127.0.0.1:${port}` },
      policies: [path.join(rootFolder, 'tests/interop/policies-door')],
      identity: [entryOf('idp', provider, {
        mfa: { acr: [MFA] },
        step_up: { mfa: MFA },
        sign_in: { optional_scopes: { 'mcp:approve': 'approve' } },
      })],
    },
    environment: ENVIRONMENT,
  });
});
after(async () => {
  await bench?.stop();
  await provider.stop();
});

/** Calls a tool, by way of the sign-in if need be. */
const call = (memory, browser, name) => callSteppingUp(door.resource, memory, (address) => browser.signIn(address), name);
const claimsOf = ({ access_token: token }) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const queryOf = (address) => Object.fromEntries(new URL(address).searchParams);

test('another sign-in is asked for, made at the provider, and counts', async () => {
  const memory = new SteppingMemory('http://127.0.0.1:3456/cb');
  const browser = new Browser();
  assert.equal(await call(memory, browser, 'read_report'), 'read_report');
  assert.equal(claimsOf(memory.saved).acr, undefined);
  assert.equal(memory.addresses.length, 1);
  assert.equal(await call(memory, browser, 'forbidden'), 'forbidden');
  assert.equal(claimsOf(memory.saved).acr, MFA);
  assert.equal(memory.addresses.length, 2);
  const { acr_values: kinds, max_age: age } = queryOf(memory.addresses[1]);
  assert.deepEqual([kinds, age], [MFA, '600']);
});

test('another right is asked for, shown to the person, granted, and renewed', async () => {
  const memory = new SteppingMemory('http://127.0.0.1:3456/cb');
  const browser = new Browser();
  assert.equal(await call(memory, browser, 'read_report'), 'read_report');
  assert.ok(!claimsOf(memory.saved).scope.includes('approve'));
  assert.equal(await call(memory, browser, 'résumé'), 'résumé');
  assert.equal(memory.addresses.length, 2);
  assert.ok(queryOf(memory.addresses[1]).scope.split(' ').includes('mcp:approve'));
  assert.ok(claimsOf(memory.saved).scope.split(' ').includes('approve'));
  const page = await browser.open(memory.addresses[1]);
  assert.match(page.text, /more rights than others<\/dt>\n<dd>mcp:approve<\/dd>/);
  const renewed = await door.exchange({
    grant_type: 'refresh_token', refresh_token: memory.saved.refresh_token, client_id: memory.information.client_id,
  });
  assert.equal(renewed.status, 200);
  assert.ok(claimsOf(renewed).scope.split(' ').includes('approve'));
});

test('what goes on to the provider, and what does not', async () => {
  const { client_id: clientId } = await door.register();
  const sent = queryOf(await new Browser().allow(door.begin(clientId, {
    scope: 'mcp:approve approve mcp:root offline_access', acr_values: `${MFA} phr`, max_age: '0', prompt: 'consent select_account',
    login_hint: 'alice', nonce: 'n', claims: '{"access_token":{"roles":null}}', ui_locales: 'de', dpop_jkt: 'x', unknown: 'y',
  }).address));
  assert.equal(sent.scope, 'openid mcp:call approve');
  assert.equal(sent.client_id, 'aegis');
  assert.deepEqual([sent.acr_values, sent.max_age, sent.prompt, sent.login_hint], [`${MFA} phr`, '0', 'select_account', 'alice']);
  for (const name of ['nonce', 'claims', 'ui_locales', 'dpop_jkt', 'unknown']) assert.equal(sent[name], undefined, name);
});

for (const [name, changes, error] of [
  ['no page at all', { prompt: 'none' }, 'consent_required'],
  ['a prompt that is not known', { prompt: 'create' }, 'invalid_request'],
  ['an age that is none', { max_age: '-1' }, 'invalid_request'],
  ['a kind of sign-in that is no text', { acr_values: 'ä' }, 'invalid_request'],
  ['a hint without an end', { login_hint: 'a'.repeat(257) }, 'invalid_request'],
  ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
  ['a request object elsewhere', { request_uri: 'https://evil.tests.example/r' }, 'request_not_supported'],
]) {
  test(`refused: ${name}`, async () => {
    const { client_id: clientId } = await door.register();
    const { status, location } = await new Browser().open(door.begin(clientId, changes).address);
    assert.equal(status, 303);
    assert.deepEqual([queryOf(location).error, queryOf(location).state], [error, 's']);
  });
}
