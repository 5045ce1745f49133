// What becomes of credentials: a caller's token goes to nobody behind the gateway and stands in no log, that there is one
// does not make it good, that it is good does not allow everything, and without one nobody uses the gateway's own.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { resultText, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN, modernCall, rawRequest } from './helpers.mjs';
import { Issuer } from './issuer.mjs';

const SECRET = 'the-credential-of-the-gateway-itself';
const issuer = new Issuer('https://issuer.tests.example');
const token = issuer.token();
const parts = token.split('.');
let bench;
let policies;

before(async () => {
  bench = await Bench.start({
    isLegacy: false,
    hasRealServers: false,
    environment: { AEGIS_TEST_SECRET: SECRET },
    more: async ({ counting }) => [{
      name: 'credentialed', url: counting.url, trust: 'internal', revision: MODERN,
      credential: { service: { header: 'Authorization', prefix: 'Bearer ', from: { env: 'AEGIS_TEST_SECRET' } } },
    }],
    config: async ({ folder }) => {
      policies = path.join(folder, 'policies');
      await fs.mkdir(policies);
      await fs.writeFile(path.join(policies, 'more.cedar'), 'permit (principal, action, resource in Aegis::Server::"credentialed");\n');
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      return {
        policies: [path.join(rootFolder, 'tests/integration/policies'), policies],
        identity: [{ ...issuer.config(path.join(folder, 'keys.json')), roles: ['Developers'] }],
      };
    },
  });
  for (const name of ['counting', 'credentialed']) await bench.warm(name, 'read_report', {}, token);
});
after(() => bench?.stop());

const call = (tool, presented = token, name = 'counting') => rawRequest(bench.serverUrl(name), modernCall(tool), presented);

async function isAllowed(tool) {
  const { status, messages } = await call(tool);
  assert.equal(status, 200);
  const isDone = messages[0].result.isError !== true;
  assert.equal(resultText(messages[0].result) === tool, isDone);
  return isDone;
}

test('a token goes to no server behind, which gets the gateway\'s credential or none', async () => {
  const begin = bench.counting.messages.length;
  for (const name of ['counting', 'credentialed']) assert.equal((await call('read_report', token, name)).status, 200);
  const seen = bench.counting.fields.slice(begin);
  assert.deepEqual(seen.map(({ authorization }) => authorization), [undefined, `Bearer ${SECRET}`]);
  const all = JSON.stringify([bench.counting.fields, bench.counting.messages]);
  for (const part of parts) assert.ok(!all.includes(part));
});

test('without a token nobody uses the gateway\'s credential, whoever they say they are', async (t) => {
  const rows = [
    ['nothing', []],
    ['a prober of a cluster', [['User-Agent', 'kube-probe/1.30']]],
    ['a prober of a balancer', [['User-Agent', 'ELB-HealthChecker/2.0']]],
    ['a prober of a cloud', [['User-Agent', 'GoogleHC/1.0']]],
    ['a proxy that names a person', [['X-Forwarded-User', 'alice'], ['X-Auth-Request-Email', 'alice@tests.example']]],
    ['a proxy on this machine', [['X-Forwarded-For', '127.0.0.1'], ['X-Real-IP', '127.0.0.1'], ['Forwarded', 'for=127.0.0.1']]],
    ['a cookie', [['Cookie', `Authorization=Bearer ${token}; access_token=${token}; BearerToken=${token}`]]],
    ['another field', [['X-Authorization', `Bearer ${token}`], ['X-Access-Token', token]]],
  ];
  const urls = [bench.serverUrl('credentialed'), `${bench.gateway.origin}/mcp`];
  const requests = rows.flatMap(([, fields]) => urls.map((url) => {
    const { method, headers, body } = modernCall('read_report');
    return () => rawRequest(url, { method, headers: [...headers, ...fields], body });
  }));
  const outcomes = await bench.refusedAll(requests);
  for (const [i, [name]] of rows.entries()) {
    await t.test(`with ${name}`, () => {
      for (const { answer, record } of outcomes.slice(i * urls.length, (i + 1) * urls.length)) {
        assert.equal(answer.status, 401);
        assert.equal(record.code, 'token.missing');
      }
    });
  }
});

test('a token that is known to be good is judged anew for each call', async () => {
  assert.ok(await isAllowed('read_report'));
  assert.ok(!await isAllowed('forbidden'));
  assert.ok(await isAllowed('read_report'));
  const file = path.join(policies, 'then.cedar');
  await fs.writeFile(file, 'forbid (principal, action == Aegis::Action::"counting.read_report", resource);\n');
  await bench.reload();
  assert.ok(!await isAllowed('read_report'));
  await fs.rm(file);
  await bench.reload();
  assert.ok(await isAllowed('read_report'));
});

test('no token and no credential stands in a log or in a file', async () => {
  const injected = `k\nINJECTED${'i'.repeat(40)}`;
  const bad = [
    issuer.token({ header: { kid: injected } }), issuer.token({ claims: { iss: 'https://other.tests.example' } }),
    issuer.token({ claims: { aud: injected } }), `${token}AAAA`,
  ];
  for (const presented of bad) {
    const { answer } = await bench.refused(() => call('read_report', presented));
    assert.equal(answer.status, 401);
  }
  const texts = [bench.gateway.child.errors];
  for (const entry of await fs.readdir(bench.state, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) texts.push(await fs.readFile(path.join(entry.parentPath ?? entry.path, entry.name), 'latin1'));
  }
  assert.ok(texts.length > 2 && texts.some((text) => text.includes('read_report')), 'the journal is among them');
  for (const text of texts) {
    for (const secret of [SECRET, ...[token, ...bad].flatMap((each) => each.split('.').slice(1))]) assert.ok(!text.includes(secret));
    assert.ok(!/^INJECTED/m.test(text), 'a line of its own');
  }
});
