// aegis token inspect: from one line of configuration for a provider to the principal of its token, and to its refusals.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Issuer } from './issuer.mjs';

const TENANT = '3f1e0000-0000-0000-0000-000000000001';
const OTHER = '3f1e0000-0000-0000-0000-000000000002';
const MICROSOFT = 'https://login.microsoftonline.com';
const CHECKS = ['form', 'header', 'issuer', 'typ', 'algorithm', 'key', 'signature', 'claims', 'kind', 'time', 'audience', 'tenant', 'mapping', 'revocation'];

const issuer = new Issuer('https://unused.example');
let folder, server;

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-inspect-'));
  await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
  server = http.createServer((request, response) => response.setHeader('content-type', 'application/json').end(issuer.jwks()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  server.close();
  await fs.rm(folder, { recursive: true });
});

/** What the command says of a token: exit code, both outputs, and the JSON if there is one. */
async function run(args, input = '', environment = {}) {
  const child = spawn(process.env.AEGIS_BINARY, ['token', 'inspect', ...args], { env: { ...process.env, ...environment } });
  const texts = { stdout: '', stderr: '' };
  for (const name of Object.keys(texts)) child[name].setEncoding('utf8').on('data', (piece) => { texts[name] += piece; });
  child.stdin.on('error', () => {}).end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, ...texts, json: texts.stdout.startsWith('{') ? JSON.parse(texts.stdout) : undefined };
}

async function inspect(entry, token, jwks = 'keys.json') {
  const file = path.join(folder, 'aegis.yaml');
  await fs.writeFile(file, JSON.stringify({ version: 1, identity: [{ name: 'idp', jwks, ...entry }] }));
  return run(['--config', file, '--output', 'json'], `${token}\n`);
}

/** A token of claims alone, as the provider would write it: undefined leaves out what the issuer of the tests puts in. */
const made = (claims, header = {}) => issuer.token({
  header: { typ: 'JWT', ...header },
  claims: { iss: undefined, aud: undefined, sub: undefined, client_id: undefined, jti: undefined, roles: undefined, ...claims },
});

const entra = { preset: 'entra', tenant: TENANT.toUpperCase(), audience: 'api://aegis' };
const entraClaims = (more = {}) => ({ iss: `${MICROSOFT}/${TENANT}/v2.0`, aud: 'api://aegis', ver: '2.0', tid: TENANT, oid: '8b7d', sub: 'x', azp: 'c2a4', scp: 'mcp.call', ...more });
const okta = { preset: 'okta', issuer: 'https://acme.okta.com/oauth2/default', audience: 'api://aegis' };
const auth0 = { preset: 'auth0', issuer: 'https://acme.auth0.com/', audience: 'https://gw.example.com/mcp', tenants: ['org_1'], namespace: 'https://aegis.example/' };
const google = { preset: 'google', tenants: ['acme.example'], audience: '77.apps.googleusercontent.com' };
const keycloak = { preset: 'keycloak', issuer: 'https://kc.example/realms/r', audience: 'aegis' };

const accepted = [
  ['entra', entra, made(entraClaims({ roles: ['Operator'], _claim_names: { groups: 'src1' } })),
    { type: 'Aegis::User', id: `idp@${TENANT}|8b7d`, clientId: 'c2a4', roles: ['Operator'], groupsUnknown: true, authStrength: 'none' }],
  ['entra, an authentication context', { ...entra, mfa: { acrs: ['c1'] } }, made(entraClaims({ acrs: ['c1'] })), { authStrength: 'mfa', acrs: ['c1'] }],
  ['entra, version 1', { ...entra, token_version: 1 },
    made({ iss: `https://sts.windows.net/${TENANT}/`, aud: 'api://aegis', ver: '1.0', tid: TENANT, oid: '8b7d', appid: 'c2a4', roles: ['Sync'] }),
    { type: 'Aegis::Service', actorKind: 'app', roles: ['Sync'] }],
  ['okta', okta, made({ iss: okta.issuer, aud: okta.audience, cid: '0oa7', uid: '00u9', scp: ['a'], sub: 'dana@acme.example', acr: 'urn:okta:loa:2fa:any' }),
    { id: 'idp|00u9', scopes: ['a'], authStrength: 'mfa', acr: 'urn:okta:loa:2fa:any' }],
  ['auth0', auth0, made({ iss: auth0.issuer, aud: [auth0.audience, `${auth0.issuer}userinfo`], sub: 'waad|8K', azp: 'Zx2', scope: 'a b', org_id: 'org_1', permissions: ['read'], 'https://aegis.example/roles': ['operator'] }),
    { id: 'idp@org_1|waad|8K', roles: ['operator', 'perm:read'], tenantId: 'org_1' }],
  ['google', google, made({ iss: 'accounts.google.com', aud: google.audience, azp: google.audience, sub: '1101', hd: 'acme.example', email: 'dana@acme.example', email_verified: true }),
    { id: 'idp@acme.example|1101', email: 'dana@acme.example' }],
  ['keycloak', keycloak, made({ iss: keycloak.issuer, aud: 'aegis', sub: 'u1', azp: 'desktop', typ: 'Bearer', scope: 'profile', realm_access: { roles: ['admin'] }, resource_access: { aegis: { roles: ['editor'] } } }),
    { id: 'idp|u1', roles: ['admin', 'client:editor'] }],
];

for (const [name, entry, token, expected] of accepted) {
  test(`accepts a token of ${name}`, async () => {
    const { code, json, stdout } = await inspect(entry, token);
    assert.equal(code, 0, stdout);
    assert.ok(json.accepted);
    assert.deepEqual(json.checks.map(({ check }) => check), CHECKS);
    assert.ok(json.checks.every(({ verdict }) => verdict === 'ok'));
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(json.principal[key], value, key);
  });
}

const refused = [
  ['no token', entra, '', 'form', 'token.missing'],
  ['no JWT', entra, 'abc', 'header', 'token.malformed'],
  ['a token for Graph', entra, made(entraClaims(), { nonce: 'x' }), 'header', 'token.header'],
  ['another tenant', entra, made(entraClaims({ iss: `${MICROSOFT}/${OTHER}/v2.0`, tid: OTHER })), 'issuer', 'token.issuer'],
  ['version 1 where 2 is configured', entra, made(entraClaims({ iss: `https://sts.windows.net/${TENANT}/`, ver: '1.0' })), 'issuer', 'token.issuer'],
  ['a proof', entra, made(entraClaims(), { typ: 'dpop+jwt' }), 'typ', 'token.kind'],
  ['an algorithm that is not allowed', { ...entra, algorithms: 'RS256' }, made(entraClaims()), 'algorithm', 'token.alg'],
  ['a key of nobody', entra, made(entraClaims(), { kid: 'second' }), 'key', 'token.key'],
  ['a foreign signature', entra, made(entraClaims()).replace(/\.[^.]*$/, `.${made({}).split('.')[2]}`), 'signature', 'token.signature'],
  ['claims of version 1', entra, made(entraClaims({ ver: '1.0' })), 'claims', 'token.claim'],
  ['an ID token', entra, made(entraClaims({ azp: undefined, scp: undefined, roles: ['Operator'] })), 'kind', 'token.kind'],
  ['an old token', entra, made(entraClaims({ exp: 1000 })), 'time', 'token.expired'],
  ['an audience of somebody else', entra, made(entraClaims({ aud: 'api://other' })), 'audience', 'token.audience'],
  ['a tenant that the issuer is not of', entra, made(entraClaims({ tid: OTHER })), 'tenant', 'token.tenant'],
  ['no oid', entra, made(entraClaims({ oid: undefined, upn: 'dana@contoso.example' })), 'mapping', 'token.subject'],
  ['the organisation\'s own server', okta, made({ iss: 'https://acme.okta.com', aud: okta.audience, cid: '0', uid: '1', scp: ['a'] }), 'issuer', 'token.issuer'],
  ['another organisation', auth0, made({ iss: auth0.issuer, aud: auth0.audience, sub: 'a|b', azp: 'Z', scope: 'a', org_id: 'org_2' }), 'tenant', 'token.tenant'],
  ['an account without a domain', google, made({ iss: 'https://accounts.google.com', aud: google.audience, sub: '1', email_verified: true }), 'tenant', 'token.tenant'],
  ['an ID token of keycloak', keycloak, made({ iss: keycloak.issuer, aud: 'aegis', sub: 'u1', azp: 'a', typ: 'ID', realm_access: { roles: [] } }), 'claims', 'token.claim'],
];

for (const [name, entry, token, at, expected] of refused) {
  test(`refuses ${name}`, async () => {
    const { code, json, stdout, stderr } = await inspect(entry, token);
    assert.equal(code, 1, stdout + stderr);
    assert.equal(json.accepted, false);
    assert.equal(json.principal, null);
    const verdicts = json.checks.map(({ verdict }) => verdict);
    const place = CHECKS.indexOf(at);
    assert.deepEqual(verdicts, CHECKS.map((_, index) => (index < place ? 'ok' : index === place ? 'refused' : 'not reached')), stdout);
    assert.equal(json.checks[place].code, expected);
    for (const part of token.split('.').filter((text) => text.length > 20)) assert.ok(!(stdout + stderr).includes(part));
  });
}

test('keys are fetched from the address that is configured', async () => {
  const { code } = await inspect(okta, made({ iss: okta.issuer, aud: okta.audience, cid: '0', uid: '1', scp: ['a'] }), `http://127.0.0.1:${server.address().port}/keys`);
  assert.equal(code, 0);
});

test('an issuer whose keys cannot be read is told from a bad token', async () => {
  const { code, json } = await inspect(okta, made({ iss: okta.issuer, aud: okta.audience, cid: '0', uid: '1', scp: ['a'] }), 'absent.json');
  assert.equal(code, 1);
  assert.equal(json.checks[CHECKS.indexOf('key')].code, 'identity.no_keys');
});

test('text is for people, and nothing of a token reaches the terminal as it is', async () => {
  const file = path.join(folder, 'text.yaml');
  await fs.writeFile(file, JSON.stringify({ version: 1, identity: [{ name: 'idp', jwks: 'keys.json', ...okta }] }));
  const token = made({ iss: okta.issuer, aud: okta.audience, cid: '0', uid: '1', scp: ['a'], groups: ['\u009b31m'] });
  const { code, stdout, stderr } = await run(['--config', file, token]);
  assert.equal(code, 0);
  assert.match(stdout, /^signature +ok$/m);
  assert.match(stdout, /^id +idp\|1$/m);
  assert.match(stdout, /^groups +\?\?31m$/m);
  assert.ok(token.split('.').every((part) => !(stdout + stderr).includes(part)));
  const bad = await run(['--config', file, '-'], made({ iss: 'https://acme.okta.com/oauth2/\u009bdefault' }));
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^issuer +refused: .*\[token\.issuer\]/m);
  assert.ok(!bad.stdout.includes('\u009b'));
});

test('without a configuration the development issuer is trusted', async () => {
  const environment = { XDG_STATE_HOME: path.join(folder, 'state') };
  const { code, stdout } = await run([], issuer.token(), environment);
  assert.equal(code, 1);
  assert.match(stdout, /^issuer +refused/m);
});

test('mistakes of the command line and of the configuration have codes of their own', async () => {
  assert.equal((await run(['--output', 'yaml'])).code, 2);
  assert.equal((await run(['a', 'b'])).code, 2);
  const { code, stdout, stderr } = await inspect({ preset: 'okta', issuer: 'https://acme.okta.com', audience: 'a' }, 'abc');
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /config\.value/);
});
