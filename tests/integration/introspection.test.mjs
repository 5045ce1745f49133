// Tokens that only their issuer can read: it is asked about them (RFC 7662; Google's tokeninfo), over real sockets, for
// callers of several loops.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { AskedIssuer, CLIENT } from './asked-issuer.mjs';
import { Bench, modernCall, rawRequest } from './helpers.mjs';
import { AUDIENCE, Issuer } from './issuer.mjs';

const GOOGLE_CLIENT = '77.apps.googleusercontent.com';
const LARGE_BYTES = 20000; // more than a stranger may send
const WAIT_MS = 20000;
const now = () => Math.floor(Date.now() / 1000);
const signing = new Issuer('https://signing.tests.example');

let issuer;
let bench;
before(async () => {
  issuer = await new AskedIssuer().start();
  const client = (folder) => ({ client_id: CLIENT.id, client_secret: { file: path.join(folder, 'secret') } });
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      await fs.writeFile(path.join(folder, 'secret'), `${CLIENT.secret}\n`, { mode: 0o600 });
      await fs.writeFile(path.join(folder, 'keys.json'), signing.jwks());
      const entry = (name, introspection) => ({
        name, issuer: `${issuer.url}/${name}`, audience: AUDIENCE, roles: ['Developers'],
        introspection: { endpoint: `${issuer.url}/introspect`, ...client(folder), ...introspection },
      });
      return {
        limits: { introspection_timeout_ms: 30000 }, // the machine may be busy
        identity: [
          entry('asked', {}),
          entry('live', { prefix: 'live-', cache_s: 0, client_authentication: 'post' }),
          entry('pinned', { prefix: 'pinned-', clients: ['tests'], untyped: true }),
          {
            ...signing.config(path.join(folder, 'keys.json')), name: 'signing',
            introspection: { endpoint: `${issuer.url}/introspect`, ...client(folder), tokens: 'always', prefix: 'signing-' },
          },
          {
            name: 'google', preset: 'google', tenants: ['acme.example'], audience: GOOGLE_CLIENT,
            introspection: { endpoint: `${issuer.url}/tokeninfo`, internal_client: true },
            mapping: { roles: { claim: 'email', values: { 'alice@acme.example': 'Developers' } } },
          },
        ],
      };
    },
  });
  bench.token = issuer.token(good());
  await bench.warm('counting', 'read_report');
});
after(async () => {
  await bench?.stop();
  await issuer?.stop();
});

/** What is said of a good token of alice, but for what is given. */
function good(changes = {}) {
  return {
    active: true, iss: `${issuer.url}/asked`, sub: 'alice', aud: AUDIENCE, client_id: 'tests', scope: 'mcp:call', username: 'Alice',
    token_type: 'Bearer', iat: now(), exp: now() + 600, roles: ['Developers'], ...changes,
  };
}

/** The same at Google, where numbers are texts. */
function goodGoogle(changes = {}) {
  return {
    azp: GOOGLE_CLIENT, aud: GOOGLE_CLIENT, sub: '110169', scope: 'openid email', exp: String(now() + 600), expires_in: '600',
    email: 'alice@acme.example', email_verified: 'true', access_type: 'online', ...changes,
  };
}

const call = (token, arguments_ = {}) => rawRequest(bench.serverUrl('counting'), modernCall('read_report', arguments_), token);

/** Requests with these tokens are refused in all three looks, each with its code. */
async function refused(rows, status) {
  const outcomes = await bench.refusedAll(rows.map(([, , token]) => () => call(token)));
  for (const [i, [name, code]] of rows.entries()) {
    assert.equal(outcomes[i].answer.status, status, name);
    assert.equal(outcomes[i].record.type, 'auth.reject', name);
    assert.equal(outcomes[i].record.code, code, name);
  }
  return outcomes;
}

test('an issuer is asked once for all loops, and knows who asks', async () => {
  const token = issuer.token(good());
  for (let i = 0; i < 8; i++) assert.equal((await call(token)).status, 200);
  assert.equal(issuer.asked(token), 1);
  const question = issuer.questions.at(-1);
  assert.equal(question.form.get('token_type_hint'), 'access_token');
  assert.equal(question.form.get('client_secret'), null);
});

test('many who wait cause one question', async () => {
  const token = issuer.token((response) => held.push(response));
  const held = [];
  const answers = Array.from({ length: 12 }, () => call(token));
  for (const end = Date.now() + WAIT_MS; held.length === 0; await sleep(5)) assert.ok(Date.now() < end);
  held[0].writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(good()));
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
  assert.equal(held.length, 1);
});

test('a token that was taken back is refused at once where nothing is remembered', async () => {
  const said = good({ iss: `${issuer.url}/live` });
  const token = issuer.token(said, 'live-');
  assert.equal((await call(token)).status, 200);
  assert.equal((await call(token)).status, 200);
  assert.equal(issuer.asked(token), 2);
  issuer.say(token, { active: false });
  await refused([['taken back', 'token.inactive', token]], 401);
});

test('what is said of bad tokens refuses them', async () => {
  const row = (name, code, changes) => [name, code, issuer.token(good(changes))];
  await refused([
    ['unknown', 'token.inactive', 'nobody-gave-this-out'],
    row('not active', 'token.inactive', { active: false }),
    row('for somebody else', 'token.audience', { aud: 'https://other.example' }),
    row('for nobody', 'token.audience', { aud: undefined }),
    row('for an empty list', 'token.audience', { aud: [] }),
    row('an audience that is none', 'token.claim', { aud: 7 }),
    row('over', 'token.expired', { exp: now() - 120 }),
    row('without an end', 'token.no_expiry', { exp: undefined }),
    row('an end that is a text', 'token.claim', { exp: String(now() + 600) }),
    row('of tomorrow', 'token.not_yet_valid', { nbf: now() + 86400 }),
    row('issued tomorrow', 'token.not_yet_valid', { iat: now() + 86400 }),
    row('of another issuer', 'token.issuer', { iss: 'https://other.example' }),
    row('an issuer that is none', 'token.issuer', { iss: 7 }),
    row('that renews', 'token.kind', { token_type: 'refresh_token' }),
    row('of no type', 'token.kind', { token_type: undefined }),
    row('a type that is none', 'token.claim', { token_type: ['Bearer'] }),
    row('bound by its type alone', 'token.binding', { token_type: 'DPoP' }),
    row('bound to a key', 'token.binding', { cnf: { jkt: 'A'.repeat(43) } }),
    row('bound to a certificate', 'token.no_certificate', { cnf: { 'x5t#S256': 'A'.repeat(43) } }),
    row('bound to what nobody knows', 'token.binding', { cnf: { kid: 'one' } }),
    row('of two clients', 'token.client', { azp: 'others' }),
    row('of nobody', 'token.subject', { sub: undefined }),
    row('an event', 'token.kind', { events: {} }),
    row('a scope that is none', 'token.claim', { scope: 7 }),
    ['of another client', 'token.client', issuer.token(good({ iss: undefined, client_id: 'others' }), 'pinned-')],
    ['of no client', 'token.client', issuer.token(good({ iss: undefined, client_id: undefined }), 'pinned-')],
  ], 401);
});

test('an answer may leave out issuer, type and audience where the entry says so', async () => {
  const said = good({ iss: undefined, aud: undefined, token_type: undefined });
  assert.equal((await call(issuer.token(said, 'pinned-'))).status, 200);
  await refused([['with another audience', 'token.audience', issuer.token({ ...said, aud: 'others' }, 'pinned-')]], 401);
});

test('what is no answer lets nobody in, and nobody be called a stranger', async () => {
  const raw = (status, body, type = 'application/json', fields = {}) => (response) =>
    response.writeHead(status, { 'Content-Type': type, ...fields }).end(body);
  const yes = JSON.stringify(good());
  const rows = [
    ['yes as a text', { ...good(), active: 'true' }],
    ['yes as a number', { ...good(), active: 1 }],
    ['yes in a list', { ...good(), active: [true] }],
    ['nothing', { ...good(), active: undefined }],
    ['null', { ...good(), active: null }],
    ['twice', raw(200, `${yes.slice(0, -1)},"active":false}`)],
    ['a list', raw(200, `[${yes}]`)],
    ['half of it', raw(200, yes.slice(0, 40))],
    ['more behind it', raw(200, `${yes} {}`)],
    ['an empty body', raw(200, '')],
    ['a page', raw(200, yes, 'text/html')],
    ['a signed answer', raw(200, yes, 'application/token-introspection+jwt')],
    ['another status', raw(201, yes)],
    ['a bad request', raw(400, '{"error":"invalid_request"}')],
    ['elsewhere', raw(307, '', 'application/json', { Location: `${issuer.url}/other` })],
    ['a failure', raw(500, yes)],
    ['too much', raw(200, `${yes.slice(0, -1)},"pad":"${'x'.repeat(70000)}"}`)],
    ['no answer', (response) => response.destroy()],
    ['our secret is wrong', raw(401, '{"error":"invalid_client"}')],
  ];
  for (const [name, answer] of rows) {
    // One that is good before each: issuers that fail several times in a row are left alone for a while.
    assert.equal((await call(issuer.token(good()))).status, 200);
    const [{ answer: refusal }] = await refused([[name, 'identity_unavailable', issuer.token(answer)]], 503);
    assert.equal(refusal.headers.get('retry-after'), '1', name);
    assert.equal(refusal.headers.get('www-authenticate'), undefined, name);
  }
  assert.match(bench.gateway.child.errors, /issuer 'asked' was asked about a token: /);
});

test('tokens of other forms are never shown to an issuer', async () => {
  const before = issuer.questions.length;
  const jwt = signing.token({ claims: { iss: 'https://nobody.example' } });
  await refused([
    ['a signed one', 'token.issuer', jwt],
    ['a signed one with a broken end', 'token.malformed', `${jwt}x`],
    ['three parts', 'token.malformed', 'aa.bb.cc'],
    ['an encrypted one', 'token.malformed', 'aa.bb.cc.dd.ee'],
    ['bytes that no token has', 'token.malformed', 'opaque-1,2'],
    ['a space inside', 'token.malformed', 'opaque-1 2'],
    ['a key that is on no list', 'token.malformed', 'ae.bb.cc'],
  ], 401);
  assert.equal(issuer.questions.length, before);
});

for (const [prefix, name] of [['opaque-', 'asked'], ['live-', 'live']]) {
  test(`a large body is read once its caller is known: ${name}`, async () => {
    const token = issuer.token(good({ iss: `${issuer.url}/${name}` }), prefix);
    const pad = { pad: 'x'.repeat(LARGE_BYTES) };
    const first = await call(token, pad);
    assert.equal(first.status, 503);
    assert.equal(first.headers.get('retry-after'), '1');
    // Each loop turns it away while it asks for the first time.
    let status;
    for (const end = Date.now() + WAIT_MS; status !== 200 && Date.now() < end; await sleep(20)) ({ status } = await call(token, pad));
    assert.equal(status, 200);
  });
}

test('a large body of a token that is not active is not read, however often it comes', async () => {
  const token = issuer.token({ active: false });
  for (let i = 0; i < 8; i++) assert.equal((await call(token, { pad: 'x'.repeat(LARGE_BYTES) })).status, 503);
});

describe('signed tokens that are asked about', () => {
  const say = (token, changes) => {
    issuer.say(token, good({ iss: signing.url, ...changes }));
    return token;
  };

  test('are who the answer says', async () => {
    const token = say(signing.token({ claims: { roles: undefined, scope: undefined } }), {});
    assert.equal((await call(token)).status, 200);
    assert.equal(issuer.asked(token), 1);
  });

  test('are refused when they, or what is said of them, are bad', async () => {
    const bound = signing.token({ claims: { cnf: { jkt: 'A'.repeat(43) } } });
    const asked = [
      ['taken back', 'token.inactive', say(signing.token(), { active: false })],
      ['an answer of another issuer', 'token.issuer', say(signing.token(), { iss: 'https://other.example' })],
      ['an answer for somebody else', 'token.audience', say(signing.token(), { aud: 'others' })],
      ['bound, which the answer leaves out', 'token.binding', say(bound, {})],
      ['bound in the answer alone', 'token.binding', say(signing.token(), { cnf: { jkt: 'A'.repeat(43) } })],
    ];
    await refused(asked, 401);
    const before = issuer.questions.length;
    const forged = signing.token();
    await refused([
      ['of nobody', 'token.signature', `${forged.slice(0, -8)}AAAAAAAA`],
      ['over', 'token.expired', signing.token({ claims: { exp: now() - 120 } })],
      ['of a sign-in', 'token.kind', signing.token({ claims: { nonce: 'one' } })],
    ], 401);
    assert.equal(issuer.questions.length, before, 'nobody was asked about these');
  });
});

describe('access tokens of Google', () => {
  test('are looked up without a client of ours', async () => {
    const token = issuer.token(goodGoogle(), 'ya29.');
    assert.equal((await call(token)).status, 200);
    const question = issuer.questions.at(-1);
    assert.equal(question.authorization, undefined);
    assert.deepEqual([...question.form.keys()], ['access_token']);
  });

  test('of two dots are no signed tokens', async () => {
    const token = issuer.token(goodGoogle(), 'ya29.c.');
    assert.equal((await call(token)).status, 200);
  });

  test('are refused', async () => {
    const row = (name, code, changes) => [name, code, issuer.token(goodGoogle(changes), 'ya29.')];
    await refused([
      ['unknown', 'token.inactive', 'ya29.unknown'],
      row('of any other application', 'token.client', { azp: 'other', aud: 'other' }),
      row('for another application', 'token.audience', { aud: 'other' }),
      row('of another application', 'token.client', { azp: 'other' }),
      row('of no application', 'token.client', { azp: undefined }),
      row('over', 'token.expired', { exp: String(now() - 120) }),
      row('without an end', 'token.no_expiry', { exp: undefined }),
      row('an end that is no number', 'token.claim', { exp: '12x5' }),
      row('an address that is not verified', 'token.claim', { email_verified: 'false' }),
      row('without an address', 'token.claim', { email: undefined, email_verified: undefined }),
      row('of nobody', 'token.subject', { sub: undefined }),
    ], 401);
    await refused([row('an error', 'identity_unavailable', { error: 'server_error' })], 503);
  });
});

test('a reload forgets what was said', async () => {
  const token = issuer.token(good());
  assert.equal((await call(token)).status, 200);
  await bench.reload();
  issuer.say(token, { active: false });
  await refused([['taken back', 'token.inactive', token]], 401);
});

describe('aegis token inspect', () => {
  async function inspect(token) {
    const file = path.join(bench.folder, 'aegis.yaml');
    const child = spawn(process.env.AEGIS_BINARY, ['token', 'inspect', '--config', file, '--output', 'json']);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => { text += piece; });
    child.stderr.resume();
    child.stdin.end(token);
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, ...JSON.parse(text) };
  }
  const verdicts = ({ checks }) => Object.fromEntries(checks.map(({ check, verdict, code: reason }) => [check, reason ?? verdict]));
  const passed = (...names) => Object.fromEntries(names.map((name) => [name, 'ok']));

  test('asks the issuer', async () => {
    const said = await inspect(issuer.token(good()));
    assert.equal(said.code, 0);
    assert.deepEqual(verdicts(said), passed('form', 'issuer', 'introspection', 'claims', 'kind', 'time', 'audience', 'tenant', 'mapping', 'revocation'));
    assert.equal(said.principal.id, 'asked|alice');
  });

  test('says why a token is refused, and why nobody knows', async () => {
    const unknown = await inspect('nobody-gave-this-out');
    assert.deepEqual([unknown.code, verdicts(unknown).introspection, unknown.principal], [1, 'token.inactive', null]);
    const odd = await inspect(issuer.token({ active: 1 }));
    assert.deepEqual([odd.code, verdicts(odd).introspection, verdicts(odd).claims], [1, 'identity.answer', 'not reached']);
  });
});

test('neither tokens nor secrets are written anywhere', async () => {
  const files = await fs.readdir(bench.state, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(files.filter((file) => file.isFile()).map((file) =>
    fs.readFile(path.join(file.parentPath ?? file.path, file.name), 'latin1')));
  for (const text of [...texts, bench.gateway.child.errors]) {
    assert.ok(!text.includes('of_the~tests'), 'a token');
    assert.ok(!text.includes(CLIENT.secret), 'a secret');
  }
});
