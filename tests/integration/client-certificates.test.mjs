// Certificates of clients: whom the gateway lets in, what it keeps on record of those it does not, and what a reload changes.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { aegis, auditRecords } from '../peers/support.mjs';
import { AskedIssuer, CLIENT } from './asked-issuer.mjs';
import { Authority } from './certificates.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';
import { AUDIENCE, Issuer } from './issuer.mjs';

const issuer = new Issuer('https://issuer.tests.example');
const binding = new Issuer('https://binding.tests.example');
const asked = await new AskedIssuer().start();

// What the certificate of a connection says is for policies, too, whoever the caller is.
const POLICIES = `
permit (principal is Aegis::User, action, resource);
permit (principal == Aegis::Service::"agents@acme|spiffe://acme.example/bot", action, resource)
when { principal in Aegis::Role::"Agents" && principal in Aegis::Tenant::"acme" };
@id("not-on-others")
forbid (principal, action, resource)
when { context.network has certificate && context.network.certificate.subject == "CN=shunned" };
`;

let bench;
let ours;
let theirs;
let trusted; // the file that client_ca names
const clients = {};

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      ours = await Authority.make(folder, 'ours');
      theirs = await Authority.make(folder, 'theirs');
      const agents = await Authority.make(folder, 'agents');
      const people = await Authority.make(folder, 'people');
      trusted = path.join(folder, 'trusted.crt');
      await fs.copyFile(ours.file, trusted);
      Object.assign(clients, {
        good: await ours.issue('good', { purpose: 'clientAuth' }),
        other: await ours.issue('other', { purpose: 'clientAuth' }),
        shunned: await ours.issue('shunned', { purpose: 'clientAuth' }),
        bot: await agents.issue('bot', { purpose: 'clientAuth', names: 'URI:spiffe://acme.example/bot' }),
        twofold: await agents.issue('twofold', { purpose: 'clientAuth', names: 'URI:spiffe://acme.example/a,URI:spiffe://acme.example/b' }),
        nameless: await agents.issue('nameless', { purpose: 'clientAuth', names: 'IP:127.0.0.1' }),
        dana: await people.issue('dana', { purpose: 'clientAuth' }),
        foreign: await theirs.issue('foreign', { purpose: 'clientAuth' }),
        expired: await ours.issue('expired', { days: -1 }),
        server: await ours.issue('server', { purpose: 'serverAuth' }),
      });
      const { files } = await ours.issue('gateway');
      await fs.mkdir(path.join(folder, 'policies'));
      await fs.writeFile(path.join(folder, 'policies', 'all.cedar'), POLICIES);
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      await fs.writeFile(path.join(folder, 'binding.json'), binding.jwks());
      await fs.writeFile(path.join(folder, 'secret'), CLIENT.secret, { mode: 0o600 });
      return {
        listen: { address: '127.0.0.1:0', tls: { ...files, client_ca: [trusted, agents.file, people.file] } },
        policies: [path.join(folder, 'policies')],
        identity: [
          {
            name: 'agents', preset: 'mtls', client_ca: agents.file, tenant: 'acme', roles: ['Agents'],
            mapping: { roles: [{ claim: 'uri', values: { 'spiffe://acme.example/bot': 'Agents' } }] },
          },
          { name: 'people', preset: 'mtls', client_ca: people.file, callers: 'user', mapping: { subject: 'cn' } },
          issuer.config(path.join(folder, 'keys.json')),
          { ...binding.config(path.join(folder, 'binding.json')), name: 'binding', mtls: 'required' },
          {
            name: 'asked', issuer: asked.url, audience: AUDIENCE, roles: ['Developers'],
            introspection: {
              endpoint: `${asked.url}/introspect`, prefix: 'asked-', client_id: CLIENT.id, client_secret: { file: path.join(folder, 'secret') },
            },
          },
        ],
      };
    },
  });
  bench.token = issuer.token();
});
after(async () => {
  await bench?.stop();
  await asked.stop();
});

/** The answer to a call by that client, or the error that its connection ends with. */
async function call(client, token = bench.token) { // token null: none
  const { cert, key } = clients[client] ?? {};
  const secure = { ca: [await fs.readFile(ours.file)], cert, key };
  return rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token ?? undefined, secure).catch((error) => ({ error }));
}

/** What names that client's certificate. */
function confirmation(client) {
  const { raw } = new crypto.X509Certificate(clients[client].cert);
  return { 'x5t#S256': crypto.createHash('sha256').update(raw).digest('base64url') };
}

/** A token that is worth nothing without that client's certificate (RFC 8705). */
function bound(client, from = issuer) {
  return from.token({ claims: { cnf: confirmation(client) } });
}

test('a certificate of the authority, and none', async () => {
  assert.equal((await call('good')).status, 200);
  assert.equal((await call(undefined)).status, 200);
});

const REFUSED = [
  ['foreign', 'certificate.untrusted'],
  ['expired', 'certificate.expired'],
  ['server', 'certificate.purpose'],
];

test('bad certificates end the handshake', async (t) => {
  const outcomes = await bench.refusedAll(REFUSED.map(([client]) => () => call(client)));
  for (const [i, [client, code]] of REFUSED.entries()) {
    await t.test(client, () => {
      assert.ok(outcomes[i].answer.error, 'no answer');
      assert.equal(outcomes[i].record.type, 'wire.reject');
      assert.equal(outcomes[i].record.code, code);
      assert.equal(outcomes[i].record.peer, '127.0.0.1');
    });
  }
});

test('a certificate alone is a caller by the entry that names its authority', async () => {
  const answer = await call('bot', null);
  assert.equal(answer.status, 200, answer.body.toString());
  assert.match(answer.body.toString(), /read_report/);
  const records = await auditRecords(bench.state);
  const [record] = records.filter(({ subject }) => subject === 'spiffe://acme.example/bot');
  assert.equal(record.issuer, 'agents');
  assert.equal(record.tenant, 'acme');
});

test('a certificate of a person is a user', async () => {
  const answer = await call('dana', null);
  assert.equal(answer.status, 200, answer.body.toString());
  assert.match(answer.body.toString(), /read_report/);
  assert.doesNotMatch(answer.body.toString(), /"isError":true/);
});

test('with a token the certificate is the transport', async () => {
  assert.equal((await call('bot')).status, 200);
  const records = await auditRecords(bench.state);
  assert.equal(records.at(-1).subject ?? records.at(-2).subject, 'alice');
  assert.equal((await bench.refused(() => call('bot', 'x'))).record.code, 'token.malformed');
});

const NOBODY = [
  ['good', 'certificate.unknown'],
  ['twofold', 'token.subject'],
  ['nameless', 'token.subject'],
  [undefined, 'token.missing'],
];

test('certificates alone that are nobody', async (t) => {
  const outcomes = await bench.refusedAll(NOBODY.map(([client]) => () => call(client, null)));
  for (const [i, [client, code]] of NOBODY.entries()) {
    await t.test(`${client}`, () => {
      assert.equal(outcomes[i].answer.status, 401);
      assert.equal(outcomes[i].record.type, 'auth.reject');
      assert.equal(outcomes[i].record.code, code);
    });
  }
});

test('policies read the certificate', async () => {
  const { answer, record } = await bench.refused(() => call('shunned'));
  assert.match(answer.body.toString(), /"isError":true/);
  assert.equal(record.type, 'authz.deny');
  assert.deepEqual(record.policies, ['not-on-others']);
});

test('a bound token is good on connections with its certificate', async (t) => {
  assert.equal((await call('good', bound('good'))).status, 200);
  assert.equal((await call('good', bound('good', binding))).status, 200);
  // RFC 8705 §3.2: its issuer says so. Often, for every loop and for what is remembered there.
  const opaque = asked.token({
    active: true, sub: 'alice', aud: AUDIENCE, roles: ['Developers'], token_type: 'Bearer', cnf: confirmation('good'),
    exp: Math.floor(Date.now() / 1000) + 600,
  }, 'asked-');
  for (let i = 0; i < 8; i++) assert.equal((await call('good', opaque)).status, 200);
  const rows = [
    ['without a certificate', 'token.no_certificate', () => call(undefined, bound('good'))],
    ['with another one', 'token.other_certificate', () => call('other', bound('good'))],
    ['not bound, where all are', 'token.unbound', () => call('good', binding.token())],
    ['opaque, without a certificate', 'token.no_certificate', () => call(undefined, opaque)],
    ['opaque, with another one', 'token.other_certificate', () => call('other', opaque)],
  ];
  const outcomes = await bench.refusedAll(rows.map(([, , request]) => request));
  for (const [i, [name, code]] of rows.entries()) {
    await t.test(name, () => {
      assert.equal(outcomes[i].answer.status, 401);
      assert.match(outcomes[i].answer.headers.get('www-authenticate'), /^Bearer .*error="invalid_token"/);
      assert.equal(outcomes[i].record.type, 'auth.reject');
      assert.equal(outcomes[i].record.code, code);
    });
  }
});

test('the metadata says that bound tokens are taken', async () => {
  const url = `${bench.gateway.origin}/.well-known/oauth-protected-resource/servers/counting/mcp`;
  const secure = { ca: [await fs.readFile(ours.file)] };
  const { body } = await rawRequest(url, { method: 'GET', headers: [], body: '' }, undefined, secure);
  assert.equal(JSON.parse(body).tls_client_certificate_bound_access_tokens, true);
});

test('token inspect compares a bound token with a certificate', async () => {
  const token = bound('good');
  const inspect = (file) => aegis('token', 'inspect', '--config', path.join(bench.folder, 'aegis.yaml'), '--certificate', file, '--output', 'json', token);
  const accepted = JSON.parse(await inspect(clients.good.files.cert));
  assert.equal(accepted.accepted, true);
  assert.equal(accepted.principal.boundCertificate, JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).cnf['x5t#S256']);
  await assert.rejects(inspect(clients.other.files.cert), (error) => {
    const { checks } = JSON.parse(error.stdout);
    assert.deepEqual(checks.filter(({ verdict }) => verdict === 'refused').map(({ check, code }) => [check, code]), [['binding', 'token.other_certificate']]);
    return true;
  });
});

test('a reload trusts another authority', async () => {
  await fs.copyFile(theirs.file, trusted);
  await bench.reload();
  assert.equal((await call('foreign')).status, 200);
  assert.equal((await bench.refused(() => call('good'))).record.code, 'certificate.untrusted');
  await fs.copyFile(ours.file, trusted);
  await bench.reload();
  assert.equal((await call('good')).status, 200);
  assert.equal((await bench.refused(() => call('foreign'))).record.code, 'certificate.untrusted');
});
