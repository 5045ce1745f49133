// Callers by API key: made by the command, stored as a hash, good for what their line says and no longer.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { CountingServer } from '../peers/counting-server.mjs';
import { aegis, auditRecords, lastSequence, until } from '../peers/support.mjs';
import { Bench, modernCall, modernRequest, rawRequest } from './helpers.mjs';

let bench;
let other; // a server that the key of "nightly" is not for
let list; // the keys that are good
let config;
const keys = {};

/** A key as an administrator makes it; stored: in the list. */
async function makeKey(subject, tenant, ...more) {
  const args = ['token', 'key', '--subject', subject, '--tenant', tenant, '--role', 'Developers', '--expires', '1h', ...more];
  return (await aegis(...args)).split('\n');
}

before(async () => {
  other = await new CountingServer().start();
  bench = await Bench.start({
    hasRealServers: false,
    more: () => [{ name: 'other', url: other.url, trust: 'internal' }],
    config: async ({ folder }) => {
      list = path.join(folder, 'keys.jsonl');
      config = path.join(folder, 'aegis.yaml');
      [keys.nightly] = await makeKey('nightly', 'acme', '--server', 'counting', '--file', list);
      [keys.weekly] = await makeKey('nightly', 'bolt', '--file', list);
      const [expired, line] = await makeKey('old', 'acme');
      keys.expired = expired;
      await fs.appendFile(list, `${JSON.stringify({ ...JSON.parse(line), expires_at: 1 })}\n`);
      [keys.foreign] = await makeKey('stranger', 'acme');
      const revocations = path.join(folder, 'revocations.jsonl');
      await fs.writeFile(revocations, '');
      // Policies permit everything: what a key is not for is no matter of theirs.
      await fs.mkdir(path.join(folder, 'policies'));
      await fs.writeFile(path.join(folder, 'policies', 'all.cedar'), 'permit (principal is Aegis::Service in Aegis::Role::"Developers", action, resource);');
      return {
        policies: [path.join(folder, 'policies')],
        identity: [{ name: 'agents', preset: 'api-keys', keys: list, tenants: ['acme', 'bolt'] }],
        revocations,
      };
    },
  });
});
after(async () => {
  await bench?.stop();
  await other?.stop();
});

const call = (key, server = 'counting') => rawRequest(bench.serverUrl(server), modernCall('read_report'), key);

test('a key is a caller of the tenant that its line names', async () => {
  for (const [key, tenant] of [[keys.nightly, 'acme'], [keys.weekly, 'bolt']]) {
    const sequence = await lastSequence(bench.state);
    const { status, body } = await call(key);
    assert.equal(status, 200, body.toString());
    assert.match(body.toString(), /read_report/);
    const records = await auditRecords(bench.state, sequence);
    const [record] = records.filter(({ method }) => method === 'tools/call');
    assert.deepEqual([record.issuer, record.tenant, record.subject], ['agents', tenant, 'nightly']);
    assert.ok(!JSON.stringify(records).includes(key.slice(-64)), 'no secret in the audit');
  }
});

test('nothing of a key but its hash is stored', async () => {
  const text = await fs.readFile(list, 'utf8');
  assert.equal((await fs.stat(list)).mode & 0o007, 0);
  for (const key of Object.values(keys)) {
    const [, id, secret] = key.split('_');
    assert.ok(!text.includes(secret) && !text.includes(secret.slice(0, 16)));
    assert.equal(text.includes(id), key !== keys.foreign);
  }
});

test('a key for one server reaches no other', async () => {
  const bytes = other.bytes();
  assert.match((await call(keys.nightly, 'other')).body.toString(), /"isError":true/);
  const tools = async (key) => {
    const { body } = await rawRequest(`${bench.gateway.origin}/mcp`, modernRequest('tools/list'), key);
    return new Set(JSON.parse(body).result.tools.map(({ name }) => name.split('__')[0]));
  };
  assert.deepEqual(await tools(keys.nightly), new Set(['counting']));
  assert.equal(other.bytes(), bytes, 'the other server heard nothing');
  assert.deepEqual(await tools(keys.weekly), new Set(['counting', 'other']));
});

test('what is no good key', async (t) => {
  const [, id] = keys.nightly.split('_');
  const flipped = (key, at) => key.slice(0, at) + (key[at] === '0' ? '1' : '0') + key.slice(at + 1);
  const { sha256 } = JSON.parse((await fs.readFile(list, 'utf8')).split('\n')[0]);
  const rows = [
    ['of another list', keys.foreign, 'key.unknown'],
    ['that has expired', keys.expired, 'key.expired'],
    ['mistyped at its end', flipped(keys.nightly, keys.nightly.length - 1), 'token.malformed'],
    ['with another secret', flipped(keys.nightly, 30), 'token.malformed'],
    ['cut short', keys.nightly.slice(0, -1), 'token.malformed'],
    ['that is an id alone', `aegis_${id}`, 'token.malformed'],
    ['that is the stored hash', sha256, 'token.malformed'],
    ['in capitals', keys.nightly.toUpperCase(), 'token.malformed'],
  ];
  const outcomes = await bench.refusedAll(rows.map(([, key]) => () => call(key)));
  for (const [i, [name, , code]] of rows.entries()) {
    await t.test(name, () => {
      const { answer, record } = outcomes[i];
      assert.equal(answer.status, 401);
      const what = code === 'key.expired' ? 'expired' : 'is not valid';
      assert.match(answer.headers.get('www-authenticate'), new RegExp(`error="invalid_token", error_description="The access token ${what}"`));
      assert.deepEqual([record.type, record.code], ['auth.reject', code]);
    });
  }
});

test('token inspect tells whose a key is', async () => {
  const { accepted, principal } = JSON.parse(await aegis('token', 'inspect', '--config', config, '--output', 'json', keys.weekly));
  assert.equal(accepted, true);
  assert.deepEqual([principal.issuer, principal.tenantId, principal.subject], ['agents', 'bolt', 'nightly']);
});

test('a key that is taken back is none from then on', async () => {
  const [, id] = keys.weekly.split('_');
  assert.equal((await call(keys.weekly)).status, 200);
  await aegis('token', 'revoke', '--config', config, '--key', id);
  await until('the key is refused', async () => (await call(keys.weekly)).status === 401);
  assert.equal((await call(keys.nightly)).status, 200);
});

test('a list that is bad changes nothing, and one without the key lets it in no more', async () => {
  const good = await fs.readFile(list, 'utf8');
  const { child } = bench.gateway;
  for (const tenant of ['third', undefined]) { // one that is not accepted, and none where there are two
    const [, line] = await makeKey('new', 'acme');
    const seen = child.errors.length;
    await fs.writeFile(list, `${JSON.stringify({ ...JSON.parse(line), tenant })}\n`);
    child.kill('SIGHUP');
    await until(() => `a refusal: ${child.errors}`, () => child.errors.slice(seen).includes('refused'));
    assert.equal((await call(keys.nightly)).status, 200);
  }
  await fs.writeFile(list, good.split('\n').slice(1).join('\n'));
  await bench.reload();
  assert.equal((await bench.refused(() => call(keys.nightly))).record.code, 'key.unknown');
});

const WRONG = [
  ['a tenant with a bar', ['--tenant', 'a|b']],
  ['an empty tenant', ['--tenant', '']],
  ['an end in no time', ['--tenant', 'a', '--expires', '0s']],
];

for (const [name, more] of WRONG) {
  test(`token key refuses ${name}`, async () => {
    const made = aegis('token', 'key', '--subject', 'x', '--expires', '1h', ...more, '--file', `${list}.never`);
    await assert.rejects(made, (error) => error.code === 2 && error.stdout === '');
    await assert.rejects(fs.stat(`${list}.never`));
  });
}
