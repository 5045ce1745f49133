// Groups that Microsoft Entra left out of tokens, looked up at a Microsoft Graph of the test, over real sockets, for callers of
// several loops and tenants.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { rootFolder } from '../peers/support.mjs';
import { CLIENT, Directory } from './graph-directory.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';
import { AUDIENCE, Issuer } from './issuer.mjs';

const TENANTS = ['aaaaaaaa-0000-0000-0000-000000000000', 'bbbbbbbb-0000-0000-0000-000000000000'];
const [READERS, SHUT_OUT, OPERATORS] = [1, 2, 3].map((digit) => '8-4-4-4-12'.replace(/\d+/g, (count) => String(digit).repeat(count)));
const WAIT_MS = 60000;
const LARGE_BYTES = 20000; // more than a stranger may send
const TEMPLATE = 'https://login.microsoftonline.com/{tenantid}/v2.0';
const ROLES_ISSUER = `https://login.roles.example/${TENANTS[0]}/v2.0`;
const signing = new Issuer(TEMPLATE);

let directory;
let named; // what a token names as the place of the groups
let namedRequests = 0;
let bench;
before(async () => {
  directory = await new Directory().start();
  named = http.createServer((request, response) => {
    namedRequests++;
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ value: [READERS] }));
  });
  await new Promise((resolve) => named.listen(0, '127.0.0.1', resolve));
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      await fs.writeFile(path.join(folder, 'secret'), `${CLIENT.secret}\n`, { mode: 0o600 });
      const { keys } = JSON.parse(signing.jwks());
      // Keys of Microsoft say whose tokens they may sign.
      const writeKeys = (name, issuer) =>
        fs.writeFile(path.join(folder, name), JSON.stringify({ keys: keys.map((key) => ({ ...key, issuer })) }));
      await writeKeys('keys.json', TEMPLATE);
      await writeKeys('roles.json', ROLES_ISSUER);
      return {
        limits: { introspection_timeout_ms: 30000 }, // the machine may be busy
        policies: [path.join(rootFolder, 'tests/integration/policies-graph')],
        identity: [{
          name: 'corp', preset: 'entra', tenant: 'any', audience: AUDIENCE, jwks: path.join(folder, 'keys.json'),
          graph: {
            client_id: CLIENT.id, client_secret: { file: path.join(folder, 'secret') },
            endpoint: `${directory.url}/graph`, login: `${directory.url}/login`,
          },
        }, {
          name: 'by-roles', preset: 'entra', tenant: TENANTS[0], audience: AUDIENCE, jwks: path.join(folder, 'roles.json'),
          issuer: ROLES_ISSUER, roles: ['Operators'],
          mapping: { roles: { claim: 'groups', values: { [OPERATORS]: 'Operators' } } },
          graph: {
            client_id: CLIENT.id, client_secret: { file: path.join(folder, 'secret') },
            endpoint: `${directory.url}/graph/`, login: `${directory.url}/login/`,
          },
        }],
      };
    },
  });
});
after(async () => {
  await bench?.stop();
  await directory?.stop();
  named?.close();
});

/** Somebody new in the directory, with a token that leaves his groups out. */
function caller(groups, { tenant = TENANTS[0], oid = crypto.randomUUID(), kind, claims = {}, known = true } = {}) {
  if (known) directory.put(tenant, oid, groups, kind);
  const token = signing.token({
    header: { typ: 'JWT' },
    claims: {
      iss: TEMPLATE.replace('{tenantid}', tenant), tid: tenant, oid, sub: `pairwise-${oid}`, client_id: undefined, azp: 'app',
      scp: 'mcp.call', roles: undefined, ver: '2.0', _claim_names: { groups: 'src1' },
      _claim_sources: { src1: { endpoint: `http://127.0.0.1:${named.address().port}/${tenant}/users/${oid}/getMemberObjects` } },
      ...claims,
    },
  });
  return { token, oid, tenant };
}

const call = (token, arguments_ = {}) => rawRequest(bench.serverUrl('counting'), modernCall('read_report', arguments_), token);

/** Did the call get through? */
async function isPermitted(token) {
  const answer = await call(token);
  assert.equal(answer.status, 200, String(answer.body));
  const { result } = answer.messages.at(-1);
  return result.isError !== true;
}

async function untilPermitted(token) {
  for (const end = Date.now() + WAIT_MS; !(await isPermitted(token)); await sleep(250)) assert.ok(Date.now() < end, 'still denied');
}

test('who is in the group is permitted, and asked about once', async () => {
  const { token, oid } = caller([OPERATORS, READERS]);
  for (let i = 0; i < 8; i++) assert.equal(await isPermitted(token), true);
  assert.equal(directory.lookups(oid), 1);
});

test('many who wait cause one question, and our client gets one token for the tenant', async () => {
  const { token, oid } = caller([READERS]);
  await bench.reload();
  const before = directory.tokenRequests(TENANTS[0]);
  const answers = await Promise.all(Array.from({ length: 12 }, () => isPermitted(token)));
  assert.ok(answers.every(Boolean));
  assert.equal(directory.lookups(oid), 1);
  await Promise.all(Array.from({ length: 4 }, async () => assert.equal(await isPermitted(caller([READERS]).token), true)));
  assert.equal(directory.tokenRequests(TENANTS[0]), before + 1);
});

test('who is in no group, in another, or shut out is denied', async () => {
  for (const groups of [[], [OPERATORS], [READERS, SHUT_OUT]]) assert.equal(await isPermitted(caller(groups).token), false);
});

test('as many groups as count', async () => {
  const groups = Array.from({ length: 1023 }, () => crypto.randomUUID());
  assert.equal(await isPermitted(caller([...groups, READERS]).token), true);
  assert.equal(await isPermitted(caller([...groups, OPERATORS]).token), false);
});

test('groups in a token need no question', async () => {
  const before = directory.requests.length;
  const claims = { _claim_names: undefined, _claim_sources: undefined, groups: [READERS] };
  assert.equal(await isPermitted(caller([], { claims }).token), true);
  assert.equal(directory.requests.length, before);
});

test('roles are made of groups that were looked up, and without these nobody is anybody', async () => {
  const claims = { iss: ROLES_ISSUER };
  assert.equal(await isPermitted(caller([OPERATORS], { claims }).token), true);
  assert.equal(await isPermitted(caller([], { claims }).token), false);
  const refusal = await call(caller([], { claims, known: false }).token);
  assert.equal(refusal.status, 401);
});

test('one tenant is never the other', async () => {
  const oid = crypto.randomUUID();
  const first = caller([READERS], { oid });
  const second = caller([], { oid, tenant: TENANTS[1] });
  assert.equal(await isPermitted(second.token), false);
  assert.equal(await isPermitted(first.token), true);
  assert.equal(await isPermitted(second.token), false);
  assert.equal(directory.lookups(oid), 2);
});

test('a service is looked up as one', async () => {
  const oid = crypto.randomUUID();
  const service = caller([READERS], { oid, kind: 'servicePrincipals', claims: { scp: undefined, idtyp: 'app', roles: ['x'] } });
  assert.equal(await isPermitted(service.token), true);
  assert.ok(directory.requests.some(({ path: asked }) => asked.includes(`/servicePrincipals/${oid}/`)));
});

test('ids that are none are not asked about', async () => {
  const before = directory.requests.length;
  assert.equal(await isPermitted(caller([READERS], { oid: '../../me', known: false }).token), false);
  assert.equal(directory.requests.length, before);
});

test('a token of ours that is not taken is renewed once', async () => {
  assert.equal(await isPermitted(caller([READERS]).token), true);
  const before = directory.tokenRequests(TENANTS[0]);
  directory.forgetTokens();
  assert.equal(await isPermitted(caller([READERS]).token), true);
  assert.equal(directory.tokenRequests(TENANTS[0]), before + 1);
});

describe('groups that cannot be known', () => {
  const raw = (status, value) => (response) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  after(() => { directory.onLookup = undefined; });

  test('deny', async () => {
    const rows = [
      raw(403, { error: { code: 'Authorization_RequestDenied' } }),
      raw(200, { '@odata.nextLink': `${directory.url}/graph/next`, value: [READERS] }),
      raw(200, { value: [READERS, 'Everyone'] }),
      raw(200, { value: Array.from({ length: 1025 }, () => crypto.randomUUID()).concat(READERS) }),
      raw(404, {}),
      raw(400, { error: { code: 'Directory_ResultSizeLimitExceeded' } }),
      raw(401, {}),
      raw(302, {}),
      (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>'),
    ];
    for (const row of rows) {
      directory.onLookup = row;
      assert.equal(await isPermitted(caller([READERS]).token), false);
      assert.equal(await isPermitted(caller([READERS, SHUT_OUT]).token), false);
    }
    assert.match(bench.gateway.child.errors, /issuer 'corp' was asked for groups that a token lacks: .*GroupMember\.Read\.All/);
    assert.ok(!directory.requests.some(({ path: asked }) => asked.includes('/next')));
  });

  test('are asked for again, and permit', async () => {
    const { token, oid } = caller([READERS]);
    directory.onLookup = (response) => response.destroy();
    for (let i = 0; i < 8; i++) assert.equal(await isPermitted(token), false);
    const asked = directory.lookups(oid);
    assert.ok(asked >= 1 && asked < 8, 'remembered for seconds by each loop');
    for (let i = 0; i < 6; i++) assert.equal(await isPermitted(caller([READERS]).token), false);
    directory.onLookup = undefined;
    await untilPermitted(token);
  });
});

test('a large body is read once the groups are known', async () => {
  const { token } = caller([READERS]);
  const pad = { pad: 'x'.repeat(LARGE_BYTES) };
  const first = await call(token, pad);
  assert.equal(first.status, 503);
  let status;
  for (const end = Date.now() + WAIT_MS; status !== 200 && Date.now() < end; await sleep(20)) ({ status } = await call(token, pad));
  assert.equal(status, 200);
});

test('a reload forgets what was found, also in mid-wait', async () => {
  const { token, oid, tenant } = caller([READERS]);
  assert.equal(await isPermitted(token), true);
  directory.put(tenant, oid, []);
  assert.equal(await isPermitted(token), true);
  await bench.reload();
  assert.equal(await isPermitted(token), false);
  const other = caller([READERS]);
  const held = [];
  directory.onLookup = (response) => held.push(response);
  const answer = isPermitted(other.token);
  for (const end = Date.now() + WAIT_MS; held.length === 0; await sleep(5)) assert.ok(Date.now() < end);
  directory.onLookup = undefined;
  await bench.reload();
  assert.equal(await answer, true);
  assert.equal(directory.lookups(other.oid), 2);
});

test('aegis token inspect says who looks, and does not', async () => {
  const before = directory.requests.length;
  const { token } = caller([READERS]);
  const child = spawn(process.env.AEGIS_BINARY, ['token', 'inspect', '--config', path.join(bench.folder, 'aegis.yaml'), '--output', 'json']);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => { text += piece; });
  child.stderr.resume();
  child.stdin.end(token);
  const code = await new Promise((resolve) => child.on('close', resolve));
  const { accepted, principal } = JSON.parse(text);
  assert.deepEqual([code, accepted, principal.groupsLookedUp, principal.groupsUnknown, principal.groups], [0, true, true, true, []]);
  assert.equal(directory.requests.length, before);
});

test('nobody saw more than he should', async () => {
  const files = await fs.readdir(bench.state, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(files.filter((file) => file.isFile()).map((file) =>
    fs.readFile(path.join(file.parentPath ?? file.path, file.name), 'latin1')));
  for (const text of [...texts, bench.gateway.child.errors]) {
    assert.ok(!text.includes(CLIENT.secret) && !text.includes(encodeURIComponent(CLIENT.secret)), 'a secret');
    assert.ok(!text.includes('app.token.'), 'a token of ours');
  }
  assert.ok(!directory.requests.some(({ body, authorization }) => `${body}${authorization}`.includes('eyJ')), 'a token of a caller');
  assert.equal(namedRequests, 0, 'the address that tokens name');
});
