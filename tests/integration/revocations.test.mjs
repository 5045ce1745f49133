// Callers who are shut out while they have something open: what ends, for whom, and what a list that is bad changes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { aegis, aegisBinary, auditRecords, lastSequence, until } from '../peers/support.mjs';
import { Bench, legacyRequest, modernCall, modernRequest, rawRequest } from './helpers.mjs';
import { Issuer } from './issuer.mjs';

const GET = { method: 'GET', headers: [], body: Buffer.alloc(0) };
const VERSION = '2025-11-25';
const issuer = new Issuer('https://issuer.tests.example');

let bench;
let list;

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    config: async ({ folder }) => {
      list = path.join(folder, 'revocations.jsonl');
      await fs.writeFile(list, '# nobody yet\n');
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      return { identity: [issuer.config(path.join(folder, 'keys.json'))], revocations: list };
    },
  });
});
after(() => bench?.stop());

const tokenOf = (sub, claims = {}) => issuer.token({ claims: { sub, ...claims } });
const lines = (...entries) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

/** As whoever takes care writes it: another file, renamed. */
async function replace(text) {
  await fs.writeFile(`${list}.new`, text);
  await fs.rename(`${list}.new`, list);
}

/** The statuses that requests get, enough of them to come to every loop. */
async function statuses(token) {
  const ask = () => rawRequest(bench.serverUrl('counting'), modernRequest('tools/list'), token);
  return new Set((await Promise.all(Array.from({ length: 8 }, ask))).map(({ status }) => status));
}

async function everyLoopAnswers(token, status) {
  const isSo = async () => { const seen = await statuses(token); return seen.size === 1 && seen.has(status); };
  await until(`${status} from every loop`, isSo);
}

async function readiness() {
  return JSON.parse((await rawRequest(`${bench.gateway.origin}/ready`, GET)).body);
}

/** A call that the server does not answer; ended: what the caller got, gone: the server was told. */
async function startCall(token) {
  const call = {};
  const begun = new Promise((resolve) => {
    bench.counting.onCall = (response) => {
      call.finish = () => response.writeHead(200, { 'Content-Type': 'application/json' });
      call.gone = once(response, 'close');
      bench.counting.onCall = undefined;
      resolve();
    };
  });
  call.ended = rawRequest(bench.serverUrl('counting'), modernCall('read_report'), token);
  await begun;
  return call;
}

/** A legacy session with a stream of its own. */
async function openSession(token) {
  const url = bench.serverUrl('counting');
  const initialize = legacyRequest('initialize', { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 't', version: '1' } });
  const session = (await rawRequest(url, initialize, token)).headers.get('mcp-session-id');
  const headers = { Accept: 'text/event-stream', 'Mcp-Session-Id': session, 'MCP-Protocol-Version': VERSION, Authorization: `Bearer ${token}` };
  const request = http.get(url, { headers, agent: false });
  const [response] = await once(request, 'response');
  assert.equal(response.statusCode, 200);
  const stream = { isOpen: true };
  stream.ended = new Promise((resolve) => response.on('close', () => { stream.isOpen = false; resolve(); }).resume());
  stream.close = () => request.destroy();
  const list_ = legacyRequest('tools/list', {}, { session, version: VERSION });
  return { stream, list: async (other = token) => (await rawRequest(url, list_, other)).status };
}

test('who is shut out loses what he has open, on every loop, and nobody else does', async () => {
  const token = tokenOf('mallory');
  const [first, second, theirs] = [await openSession(token), await openSession(token), await openSession(tokenOf('bob'))];
  await everyLoopAnswers(token, 200); // so that the verdict about it is remembered
  const call = await startCall(token);
  const bobs = await startCall(tokenOf('bob'));
  const sequence = await lastSequence(bench.state);

  await replace(lines({ issuer: 'tests', subject: 'mallory', reason: 'left the company' }));
  const { status, headers } = await call.ended;
  assert.equal(status, 401);
  assert.match(headers.get('www-authenticate'), /error="invalid_token"/);
  await Promise.all([call.gone, first.stream.ended, second.stream.ended]);
  assert.deepEqual([...await statuses(token)], [401]);
  assert.equal(await first.list(), 401);
  assert.deepEqual([...await statuses(tokenOf('mallory'))], [401], 'a token that is issued behind it');

  let records;
  await until('the record that says why', async () => { // strangers' are written in their own time
    records = (await auditRecords(bench.state, sequence)).filter(({ code }) => code === 'token.revoked');
    return records.some(({ reason }) => reason?.endsWith('left the company'));
  });
  assert.ok(records.every(({ subject }) => subject === undefined || subject === 'mallory'));

  assert.ok(theirs.stream.isOpen);
  bobs.finish().end(JSON.stringify({ jsonrpc: '2.0', id: bench.counting.messages.at(-1).id, result: { content: [] } }));
  assert.equal((await bobs.ended).status, 200);
  assert.equal(await theirs.list(), 200);
  theirs.stream.close();

  await replace('# let in again\n');
  await everyLoopAnswers(token, 200);
  assert.equal(await first.list(), 404, 'the session is over');
});

describe('an entry is about', () => {
  const sha256 = (token) => crypto.createHash('sha256').update(token).digest('hex');
  const ROWS = [
    { name: 'one token by its id', entry: () => ({ issuer: 'tests', jti: 'j1' }), claims: { jti: 'j1' }, others: { jti: 'j2' } },
    { name: 'one token by its hash', entry: (token) => ({ token: sha256(token) }), claims: {}, others: {} },
    { name: 'one token by digits of its hash', entry: (token) => ({ token: sha256(token).slice(0, 16) }), claims: {}, others: {} },
    { name: 'one session', entry: () => ({ issuer: 'tests', session: 's1' }), claims: { sid: 's1' }, others: { sid: 's2' } },
    { name: 'one client', entry: () => ({ issuer: 'tests', client: 'c1' }), claims: { client_id: 'c1' }, others: { client_id: 'c2' } },
    { name: 'older tokens', entry: () => ({ issuer: 'tests', issued_before: 2000 }), claims: { iat: 1999 }, others: { iat: 2000 } },
    { name: 'older tokens of somebody', entry: () => ({ issuer: 'tests', subject: 'ann', issued_before: 2000 }), claims: { iat: 1999 }, others: { iat: 2000 } },
  ];
  for (const { name, entry, claims, others } of ROWS) {
    test(name, async () => {
      const [token, other] = [tokenOf('ann', claims), tokenOf('ann', others)];
      await replace('');
      await everyLoopAnswers(token, 200);
      await replace(lines(entry(token)));
      await everyLoopAnswers(token, 401);
      assert.deepEqual([...await statuses(other)], [200]);
    });
  }
});

describe('a list that is bad', () => {
  const token = tokenOf('mallory');
  const GOOD = lines({ issuer: 'tests', subject: 'mallory' });
  const ROWS = [
    { name: 'has half a line', damage: () => replace(`${GOOD}{"issuer":"tests","subj`), message: /line 2: it is no JSON object/ },
    { name: 'has an unknown member', damage: () => replace(lines({ issuer: 'tests', user: 'ann' })), message: /line 1: a member has an unknown name/ },
    { name: 'is gone', damage: () => fs.rm(list), message: /cannot read/ },
  ];
  for (const { name, damage, message } of ROWS) {
    test(`${name}: the last good one stays in force, and that is said`, async () => {
      await replace(GOOD);
      await everyLoopAnswers(token, 401);
      const { child } = bench.gateway;
      const seen = child.errors.length;
      await damage();
      await until('word that the list is stale', async () => (await readiness()).degraded === 'revocations_stale');
      assert.equal((await readiness()).ready, true);
      assert.match(child.errors.slice(seen), message);
      assert.match(child.errors.slice(seen), /the list that was read before stays in force/);
      assert.deepEqual([...await statuses(token)], [401]);
      assert.deepEqual([...await statuses(tokenOf('bob'))], [200]);

      child.kill('SIGHUP');
      await until('a refused reload', () => child.errors.slice(seen).includes('reload refused'));
      assert.deepEqual([...await statuses(token)], [401]);

      await replace(lines({ issuer: 'tests', subject: 'bob' }));
      await everyLoopAnswers(tokenOf('bob'), 401);
      assert.deepEqual(await readiness(), { ready: true });
      assert.deepEqual([...await statuses(token)], [200]);
    });
  }

  test('is read again by a reload once it is good', async () => {
    await replace(GOOD);
    await bench.reload();
    assert.deepEqual([...await statuses(token)], [401]);
  });

  test('keeps the gateway from starting', async () => {
    const file = path.join(bench.folder, 'bad.yaml');
    const bad = path.join(bench.folder, 'bad.jsonl');
    const config = JSON.parse(await fs.readFile(path.join(bench.folder, 'aegis.yaml'), 'utf8'));
    await fs.writeFile(bad, '\n{"key":1}\n');
    await fs.writeFile(file, JSON.stringify({ ...config, state_dir: path.join(bench.folder, 'other'), revocations: bad }, null, 2));
    const child = bench.processes.start(aegisBinary, ['serve', '--config', file]);
    let code;
    child.on('close', (ended) => { code = ended; });
    await until('the end of the gateway', () => code !== undefined);
    assert.notEqual(code, 0);
    assert.match(child.errors, /bad\.yaml:\d+:\d+: .*line 2: .*\[revocation\.malformed\]/);
  });
});

describe('aegis token', () => {
  const config = () => path.join(bench.folder, 'aegis.yaml');
  const revoke = (...options) => aegis('token', 'revoke', '--config', config(), ...options);
  const entries = async () => JSON.parse(await aegis('token', 'revocations', '--config', config(), '--output', 'json'));

  test('revoke shuts out at once, says who, and writes nothing twice', async () => {
    const token = tokenOf('mallory');
    await replace('# kept\n{"key":"4be1a9c07d52"}'); // without an end of its line
    await fs.chmod(list, 0o640);
    await everyLoopAnswers(token, 200);
    const options = ['--issuer', 'tests', '--subject', 'mallory', '--reason', 'left'];
    assert.equal(await revoke(...options), "refused: subject 'mallory' of issuer 'tests' (left)\n");
    await everyLoopAnswers(token, 401);
    const text = await fs.readFile(list, 'utf8');
    assert.ok(text.startsWith('# kept\n{"key":"4be1a9c07d52"}\n{'));
    assert.equal((await fs.stat(list)).mode & 0o777, 0o640);
    assert.match(await revoke(...options), /^already on the list: refused: subject 'mallory'/);
    assert.match(await revoke(...options, '--issued-before', 'now'), /^already on the list/);
    assert.equal(await fs.readFile(list, 'utf8'), text);
    assert.deepEqual(await entries(), [{ issuer: 'tests', subject: 'mallory', reason: 'left' }, { key: '4be1a9c07d52' }]);
    assert.deepEqual((await fs.readdir(bench.folder)).filter((name) => name.startsWith('revocations.jsonl')), ['revocations.jsonl']);
  });

  test('revoke takes a token from standard input', async () => {
    const token = tokenOf('ann');
    await replace('');
    const child = spawn(aegisBinary, ['token', 'revoke', '--config', config(), '--expires', '1h', '-']);
    child.stdin.end(`${token}\n`);
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    await everyLoopAnswers(token, 401);
    const [{ token: digits, expires_at: end }] = await entries();
    assert.equal(digits, crypto.createHash('sha256').update(token).digest('hex').slice(0, 16));
    assert.ok(Math.abs(end - Date.now() / 1000 - 3600) < 60);
    assert.match(await revoke('--token', crypto.createHash('sha256').update(token).digest('hex'), '--expires', '1m'), /^already/);
  });

  test('revoke of many at once loses none', async () => {
    await replace('');
    await Promise.all(Array.from({ length: 8 }, (_, i) => revoke('--issuer', 'tests', '--jti', `j${i}`)));
    assert.deepEqual((await entries()).map(({ jti }) => jti), Array.from({ length: 8 }, (_, i) => `j${i}`));
  });

  test('revoke follows a link to the file', async () => {
    const target = path.join(bench.folder, 'target.jsonl');
    await fs.writeFile(target, '');
    await fs.rm(list);
    await fs.symlink(target, list);
    await revoke('--key', '4be1a9c07d52');
    assert.ok((await fs.lstat(list)).isSymbolicLink());
    assert.equal(await fs.readFile(target, 'utf8'), '{"key":"4be1a9c07d52"}\n');
    await fs.rm(list);
    await replace('');
  });

  const WRONG = [
    { name: 'nobody', options: [], code: 2 },
    { name: 'a whole issuer for ever', options: ['--issuer', 'tests'], code: 2 },
    { name: 'a subject of nobody', options: ['--subject', 'a'], code: 2 },
    { name: 'two at once', options: ['--issuer', 'tests', '--subject', 'a', '--jti', 'b'], code: 2 },
    { name: 'an issuer of a key', options: ['--issuer', 'tests', '--key', 'a'], code: 2 },
    { name: 'a time of a session', options: ['--issuer', 'tests', '--session', 'a', '--issued-before', 'now'], code: 2 },
    { name: 'no time', options: ['--issuer', 'tests', '--subject', 'a', '--issued-before', 'yesterday'], code: 2 },
    { name: 'no duration', options: ['--key', 'a', '--expires', 'soon'], code: 2 },
    { name: 'half a hash', options: ['--token', 'abcdef'], code: 2 },
    { name: 'a token among the operands', options: ['eyJh.eyJp.c2ln'], code: 2 },
    { name: 'an issuer that is not configured', options: ['--issuer', 'other', '--subject', 'a'], code: 1 },
  ];
  for (const { name, options, code } of WRONG) {
    test(`revoke refuses ${name}`, async () => {
      const text = await fs.readFile(list, 'utf8');
      await assert.rejects(revoke(...options), (error) => error.code === code && error.stderr !== '');
      assert.equal(await fs.readFile(list, 'utf8'), text);
    });
  }

  test('revoke leaves a list that is bad as it is', async () => {
    await replace('{"key"\n');
    await assert.rejects(revoke('--key', 'a'), /line 1: it is no JSON object/);
    await assert.rejects(entries(), /line 1: it is no JSON object/);
    assert.equal(await fs.readFile(list, 'utf8'), '{"key"\n');
    await replace('');
  });

  test('revocations says what has expired and what is about nobody', async () => {
    await replace(lines({ key: 'a', expires_at: 1 }, { issuer: 'other', subject: 'b' }, { issuer: 'tests', issued_before: 1 }));
    assert.equal(await aegis('token', 'revocations', '--config', config()), [
      "subject 'b' of issuer 'other': there is no such entry in 'identity'",
      "key 'a', until 1970-01-01T00:00:01Z: has expired",
      "everything of issuer 'tests', issued before 1970-01-01T00:00:01Z",
      '',
    ].join('\n'));
    await replace('');
  });
});

test('a worker that is started anew knows whom to shut out', async () => {
  const { child } = bench.gateway;
  const token = tokenOf('mallory');
  await replace('');
  await bench.reload(); // what the supervisor starts workers with
  await replace(lines({ issuer: 'tests', subject: 'mallory' }));
  await everyLoopAnswers(token, 401);
  const pids = (await fs.readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim().split(' ');
  const seen = child.errors.length;
  for (const pid of pids) {
    const command = (await fs.readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (command[1] === 'worker') process.kill(Number(pid), 'SIGKILL');
  }
  await until('a new worker', () => child.errors.slice(seen).includes('serves clients'));
  assert.deepEqual([...await statuses(token)], [401]);
});
