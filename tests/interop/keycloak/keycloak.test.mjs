// The gateway with Keycloak as its issuer: a realm that is imported, tokens by the password of a user, roles, another key.
// $AEGIS_KEYCLOAK is its folder; it takes a minute or two to start.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Bench, modernCall, rawRequest } from '../../integration/helpers.mjs';
import { FaultProxy } from '../../peers/fault-proxy.mjs';
import { Processes, freePort, until } from '../../peers/support.mjs';
import { proveKeys } from '../key-proofs.mjs';

const START_TURNS_MAX = 30000; // of 20 ms at least
const ADMIN = { username: 'admin', password: 'of the tests' };
const PASSWORD = 'secret';
const user = (username, realmRoles) => ({
  username, enabled: true, email: `${username}@tests.example`, emailVerified: true, firstName: username, lastName: 'Test', realmRoles,
  credentials: [{ type: 'password', value: PASSWORD, temporary: false }],
});
const client = (clientId, audience) => ({
  clientId, enabled: true, publicClient: true, directAccessGrantsEnabled: true, standardFlowEnabled: false,
  protocolMappers: [{
    name: 'audience', protocol: 'openid-connect', protocolMapper: 'oidc-audience-mapper',
    config: { 'included.custom.audience': audience, 'access.token.claim': 'true', 'id.token.claim': 'true' },
  }],
});
const REALMS = ['aegis', 'other'].map((realm) => ({
  realm, enabled: true, sslRequired: 'none', roles: { realm: [{ name: 'Developers' }] },
  clients: [client('tests', 'aegis'), client('others', 'elsewhere')], users: [user('alice', ['Developers']), user('mallory', [])],
}));

const processes = new Processes();
const faults = await new FaultProxy().start();
const base = faults.url;
const realm = `${base}/realms/aegis`;
let folder;
let bench;

before(async () => {
  const port = await freePort();
  faults.to(`http://127.0.0.1:${port}`);
  folder = await fs.mkdtemp(path.join(process.env.AEGIS_KEYCLOAK, 'data-'));
  await fs.mkdir(path.join(process.env.AEGIS_KEYCLOAK, 'data/import'), { recursive: true });
  for (const each of REALMS) {
    await fs.writeFile(path.join(process.env.AEGIS_KEYCLOAK, `data/import/${each.realm}-realm.json`), JSON.stringify(each));
  }
  const child = processes.start(path.join(process.env.AEGIS_KEYCLOAK, 'bin/kc.sh'), [
    'start-dev', '--http-host=127.0.0.1', `--http-port=${port}`, `--hostname=${base}`, '--import-realm', '--db=dev-mem',
  ], { env: { ...process.env, KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username, KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password } });
  child.stdout.resume();
  await until(() => `Keycloak: ${child.errors}`, () => {
    assert.equal(child.exitCode, null, child.errors);
    return fetch(realm).then(({ ok }) => ok, () => false);
  }, START_TURNS_MAX);
  bench = await Bench.start({
    isLegacy: false,
    hasRealServers: false,
    config: { identity: [{ name: 'keycloak', preset: 'keycloak', issuer: realm, audience: 'aegis', roles: ['Developers'] }] },
  });
  bench.token = (await tokens('alice')).access_token;
  await bench.warm('counting', 'read_report');
});
after(async () => {
  await bench?.stop();
  await processes.stop();
  await faults.stop();
  if (folder !== undefined) await fs.rm(folder, { recursive: true, force: true });
});

async function form(address, fields) {
  const response = await fetch(address, { method: 'POST', body: new URLSearchParams(fields) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

const tokens = (username, clientId = 'tests', at = realm) => form(`${at}/protocol/openid-connect/token`, {
  grant_type: 'password', client_id: clientId, username, password: PASSWORD, scope: 'openid',
});
const call = (token) => rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token);

async function refused(token, code) {
  const { answer, record } = await bench.refused(() => call(token));
  assert.equal(answer.status, 401);
  assert.equal(record.type, 'auth.reject');
  assert.match(record.code, code);
}

test('a user with the role may call, and one without is known and denied', async () => {
  assert.equal((await call((await tokens('alice')).access_token)).status, 200);
  const { access_token: other } = await tokens('mallory');
  const { answer, record } = await bench.refused(() => call(other));
  assert.equal(answer.messages[0].result.isError, true);
  assert.equal(record.type, 'authz.deny');
});

test('a token for another audience is refused', async () => refused((await tokens('alice', 'others')).access_token, /^token\.audience$/));
test('an ID token is refused', async () => refused((await tokens('alice')).id_token, /^token\.claim$/)); // its 'typ' is not Bearer
test('a refresh token is refused', async () => refused((await tokens('alice')).refresh_token, /^token\.(alg|kind|key)$/));

/** A key that signs before all others; back when it does. */
async function addKey(name) {
  const token = async () => (await tokens('alice', 'tests', `${base}/realms/${name}`)).access_token;
  const kid = async () => JSON.parse(Buffer.from((await token()).split('.')[0], 'base64url')).kid;
  const old = await kid();
  const { access_token: admin } = await form(`${base}/realms/master/protocol/openid-connect/token`, {
    grant_type: 'password', client_id: 'admin-cli', ...ADMIN,
  });
  const response = await fetch(`${base}/admin/realms/${name}/components`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      name: 'another', providerId: 'rsa-generated', providerType: 'org.keycloak.keys.KeyProvider',
      config: { priority: ['200'], enabled: ['true'], active: ['true'], keySize: ['2048'], algorithm: ['RS256'] },
    }),
  });
  assert.equal(response.status, 201);
  await until('another key', async () => await kid() !== old);
}

// The old key stays published. Each realm is a tenant.
proveKeys('Keycloak', async (index) => {
  const { realm: name } = REALMS[index];
  const issuer = `${base}/realms/${name}`;
  return {
    entry: { issuer, audience: 'aegis' },
    type: 'JWT',
    jwksPath: `/realms/${name}/protocol/openid-connect/certs`,
    faults,
    token: async () => (await tokens('alice', 'tests', issuer)).access_token,
    rotate: () => addKey(name),
    restore: () => {},
    stop: () => Object.assign(faults, { isDown: false, intercept: undefined }),
  };
}, { signsForOthers: false });
