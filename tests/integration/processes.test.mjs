// The processes of `aegis serve`: what the worker may do, what happens when it dies, reload, stop, and bad input.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';

import {
  Processes, aegis, aegisBinary, auditRecords, connectModern, lastSequence, listeningUrl, peersFolder, rootFolder, until, writeFile,
} from '../peers/support.mjs';
import { Bench, MODERN_META, modernCall, modernRequest, rawRequest, sanitizerReports } from './helpers.mjs';
import { Issuer } from './issuer.mjs';

const SECRET = 'secret-of-the-environment';
const TASKS = 'io.modelcontextprotocol/tasks';
const looksForLeaks = (await fs.readFile(aegisBinary)).includes('__asan_init');
const isRoot = process.getuid() === 0;

/** Resolves once the gateway has said it, after what it had said by then. */
function said(bench, text, from = 0) {
  const { child } = bench.gateway;
  return until(() => `'${text}' on stderr, which has: ${child.errors}`, () => child.errors.slice(from).includes(text));
}

async function childrenOf(pid) {
  const text = await fs.readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter((word) => word !== '').map(Number);
}

async function commandOf(pid) {
  return (await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, -1);
}

async function statusOf(pid) {
  const text = await fs.readFile(`/proc/${pid}/status`, 'utf8');
  return new Map(text.split('\n').map((line) => line.split(':\t')));
}

async function workerOf(bench) {
  for (const pid of await childrenOf(bench.gateway.child.pid)) {
    if ((await commandOf(pid))[1] === 'worker') return pid;
  }
  return undefined;
}

async function stdioServersOf(bench) {
  const worker = await workerOf(bench);
  return (await childrenOf(bench.gateway.child.pid)).filter((pid) => pid !== worker);
}

async function isGone(pid) {
  return fs.access(`/proc/${pid}`).then(() => false, () => true);
}

/** What records call a set of policies that is one file. */
function hashOfPolicies(text) {
  const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
  return sha256(sha256(text)).toString('hex');
}

/** Are these bytes anywhere in what the process may write? The largest regions are shadows of sanitizers. */
async function memoryHolds(pid, bytes) {
  const maps = (await fs.readFile(`/proc/${pid}/maps`, 'utf8')).split('\n').filter((line) => / rw/.test(line));
  const memory = await fs.open(`/proc/${pid}/mem`);
  try {
    for (const line of maps) {
      const [from, to] = line.split(' ')[0].split('-').map((text) => BigInt(`0x${text}`));
      if (to - from > 1n << 28n) continue;
      const region = Buffer.alloc(Number(to - from));
      const { bytesRead } = await memory.read({ buffer: region, position: from }).catch(() => ({ bytesRead: 0 }));
      if (region.subarray(0, bytesRead).includes(bytes)) return true;
    }
    return false;
  } finally {
    await memory.close();
  }
}

async function callTool(bench, server, name) {
  const answer = await rawRequest(bench.serverUrl(server), modernCall(name), bench.token);
  return { status: answer.status, message: answer.messages.at(-1) };
}

async function assertWorks(bench, server, name) {
  const { status, message } = await callTool(bench, server, name);
  assert.equal(status, 200, JSON.stringify(message));
  assert.ok(message.result !== undefined && !message.result.isError, JSON.stringify(message));
}

async function assertFails(bench, server, name) {
  const { message } = await callTool(bench, server, name);
  assert.ok(message?.error !== undefined || message?.result?.isError, JSON.stringify(message));
}

async function assertJournalIsIntact(bench) {
  await aegis('audit', 'verify', '--dir', path.join(bench.state, 'audit'));
}

const stdioServer = { name: 'child-new', command: [process.execPath, path.join(peersFolder, 'stdio-server.mjs'), 'modern'], revision: '2026-07-28' };
const withChild = { hasRealServers: false, isLegacy: false, more: () => [stdioServer] };

/** A call that is with the server until release() is called. */
function heldCall(bench) {
  let release;
  const arrived = new Promise((resolve) => {
    bench.counting.onCall = async (response, message) => {
      resolve();
      await new Promise((go) => { release = go; });
      const result = { resultType: 'complete', content: [{ type: 'text', text: 'held' }] };
      response.writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
    };
  });
  const answered = callTool(bench, 'counting', 'read_report');
  return {
    arrived,
    finish: async () => {
      bench.counting.onCall = undefined;
      release();
      const { message } = await answered;
      assert.match(JSON.stringify(message), /held/);
    },
  };
}

describe('the processes', () => {
  let bench;
  before(async () => {
    process.env.AEGIS_TEST_SECRET = SECRET;
    bench = await Bench.start({
      ...withChild,
      more: async (self) => [
        stdioServer,
        {
          name: 'tasks', revision: '2026-07-28', extensions: [TASKS],
          url: await listeningUrl(self.processes.start(process.execPath, [path.join(rootFolder, 'tests/fixtures/conformance-server.ts')])),
        },
        {
          name: 'keyed', url: self.counting.url,
          credential: { service: { header: 'Authorization', prefix: 'Bearer ', from: { env: 'AEGIS_TEST_SECRET' } } },
        },
      ],
    });
    await assertWorks(bench, 'child-new', 'read_report');
  });
  after(async () => {
    await bench?.stop();
    delete process.env.AEGIS_TEST_SECRET;
  });

  test('the worker has no rights', async () => {
    const worker = await workerOf(bench);
    const status = await statusOf(worker);
    assert.equal(status.get('Seccomp'), '2');
    assert.equal(status.get('NoNewPrivs'), '1');
    assert.match(status.get('CapEff'), /^0+$/);
    assert.match(status.get('CapPrm'), /^0+$/);
    if (isRoot) assert.ok(!status.get('Uid').split('\t').includes('0'), status.get('Uid'));
    if (isRoot) assert.equal(status.get('Groups').trim(), '');
    assert.match(bench.gateway.child.errors, /system calls are filtered/);
    const limits = await fs.readFile(`/proc/${worker}/limits`, 'utf8');
    assert.match(limits, /Max core file size +0 +0 /);
  });

  test('the worker holds no file but the journal', async () => {
    const worker = await workerOf(bench);
    const folder = `/proc/${worker}/fd`;
    if (!isRoot) return assert.rejects(fs.readdir(folder), /EACCES/); // others of its user see nothing
    const open = await Promise.all((await fs.readdir(folder)).map((name) => fs.readlink(path.join(folder, name)).catch(() => '')));
    const files = open.filter((name) => name.startsWith('/') && !name.startsWith('/dev/'));
    assert.ok(files.every((name) => name.startsWith(path.join(bench.state, 'audit'))), files.join(' '));
  });

  test('a secret of the environment stays with the supervisor', async () => {
    const read = (pid) => fs.readFile(`/proc/${pid}/environ`, 'utf8');
    if (!isRoot) return assert.rejects(read(await workerOf(bench)), /EACCES/);
    assert.ok((await read(bench.gateway.child.pid)).includes(SECRET));
    assert.ok(!(await read(await workerOf(bench))).includes(SECRET));
    for (const pid of await stdioServersOf(bench)) assert.ok(!(await read(pid)).includes(SECRET));
  });

  test('the key of the journal stays with the supervisor', async () => {
    const worker = await workerOf(bench);
    if (!isRoot) return assert.rejects(fs.readFile(`/proc/${worker}/maps`), /EACCES/);
    const pem = await fs.readFile(path.join(bench.state, 'audit.key'), 'utf8');
    // PKCS #8 of Ed25519 ends in the 32 bytes of the key (RFC 8410).
    const key = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64').subarray(-32);
    assert.ok(await memoryHolds(bench.gateway.child.pid, key), 'the supervisor has it');
    assert.ok(!await memoryHolds(worker, key), 'the worker has it');
  });

  test('a stdio server is the supervisor\'s child in a group of its own', async () => {
    const [server, ...others] = await stdioServersOf(bench);
    assert.equal(others.length, 0);
    assert.deepEqual(await commandOf(server), stdioServer.command);
    const [, , group, session] = (await fs.readFile(`/proc/${server}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
    assert.deepEqual([Number(group), Number(session)], [server, server]);
    assert.equal((await statusOf(server)).get('NoNewPrivs'), '1');
  });

  test('a worker that dies is replaced, and clients go on', async () => {
    for (const signal of ['SIGKILL', 'SIGABRT']) {
      const from = bench.gateway.child.errors.length;
      const [worker, [server]] = [await workerOf(bench), await stdioServersOf(bench)];
      process.kill(worker, signal);
      await until('its end', () => isGone(worker));
      // The sockets stay bound: a client that comes now waits, and is not refused.
      await assertWorks(bench, 'counting', 'read_report');
      await said(bench, 'a new worker', from);
      assert.match(bench.gateway.child.errors.slice(from), new RegExp(`${worker}\\) was ended by signal`));
      assert.notEqual(await workerOf(bench), worker);
      assert.ok(await isGone(server), 'its stdio servers are gone');
      await assertWorks(bench, 'child-new', 'read_report');
      const client = await connectModern(bench.serverUrl('counting'), bench.token);
      await client.callTool({ name: 'read_report', arguments: {} });
      await client.close();
      await assertJournalIsIntact(bench);
    }
  });

  test('a task outlives the worker that sealed its id, unless that may have been taken over', async () => {
    const meta = { ...MODERN_META, 'io.modelcontextprotocol/clientCapabilities': { extensions: { [TASKS]: {} }, elicitation: {} } };
    const post = async (method, params) => {
      const request = modernRequest(method, params, { meta });
      if (params.taskId !== undefined) request.headers.push(['Mcp-Name', params.taskId]);
      return (await rawRequest(bench.serverUrl('tasks'), request, bench.token)).messages.at(-1);
    };
    const begin = async () => (await post('tools/call', { name: 'confirm_delete', arguments: { filename: 'a' } })).result.taskId;
    const endWorkerBy = async (signal) => {
      const from = bench.gateway.child.errors.length;
      process.kill(await workerOf(bench), signal);
      await said(bench, 'a new worker', from);
    };
    const taskId = await begin();
    const isThere = async (id) => {
      const state = await post('tasks/get', { taskId: id });
      assert.equal(state.result?.taskId, id, JSON.stringify(state));
    };
    await endWorkerBy('SIGKILL');
    await isThere(taskId);
    await endWorkerBy('SIGSYS');
    assert.equal((await post('tasks/get', { taskId })).error.code, -32602);
    await isThere(await begin());
  });

  test('a call in flight at the death of the worker has its intent', async () => {
    const from = bench.gateway.child.errors.length;
    const sequence = await lastSequence(bench.state);
    const held = heldCall(bench);
    await held.arrived;
    process.kill(await workerOf(bench), 'SIGKILL');
    await held.finish().then(() => assert.fail('nobody can answer'), () => {});
    await said(bench, 'a new worker', from);
    const records = (await auditRecords(bench.state, sequence)).filter((record) => record.target === 'counting.read_report');
    assert.deepEqual(records.map((record) => record.phase), ['intent']);
    await assertJournalIsIntact(bench);
  });

  test('what was answered before the death of the worker has its outcome', async () => {
    const from = bench.gateway.child.errors.length;
    const sequence = await lastSequence(bench.state);
    const worker = await workerOf(bench);
    const calls = Array.from({ length: 16 }, () => callTool(bench, 'counting', 'read_report'));
    // With the first answer others are on their way, and the journal's thread has hardly begun.
    await Promise.race(calls);
    process.kill(worker, 'SIGKILL');
    const answers = (await Promise.allSettled(calls)).filter(({ value }) => value?.message?.result !== undefined);
    assert.ok(answers.length > 0);
    await said(bench, 'a new worker', from);
    const records = (await auditRecords(bench.state, sequence)).filter((record) => record.target === 'counting.read_report');
    const intents = records.filter(({ phase }) => phase === 'intent').map((record) => record.decision_id);
    const outcomes = records.filter(({ phase }) => phase === 'outcome').map((record) => record.decision_id);
    assert.ok(outcomes.length >= answers.length, `${outcomes.length} outcomes of ${answers.length} answers`);
    assert.equal(new Set(outcomes).size, outcomes.length, 'each once');
    assert.ok(outcomes.every((id) => intents.includes(id)));
    await assertJournalIsIntact(bench);
  });

  test('a stdio server that dies is started again', async () => {
    await assertWorks(bench, 'child-new', 'read_report');
    const [server] = await stdioServersOf(bench);
    process.kill(server, 'SIGKILL');
    await until('its end', () => isGone(server));
    await until('a call that works', async () => {
      const { message } = await callTool(bench, 'child-new', 'read_report');
      return message?.result !== undefined && !message.result.isError;
    });
    assert.notEqual((await stdioServersOf(bench))[0], server);
  });
});

describe('reload', () => {
  let bench;
  const policy = (self) => path.join(self.folder, 'policies', 'tests.cedar');
  const text = (rest = '') => `permit (principal in Aegis::Role::"Developers", action, resource);\n${rest}`;
  const closed = '@reason("closed now") forbid (principal, action == Aegis::Action::"counting.read_report", resource);\n';
  const reload = async (words) => {
    const from = bench.gateway.child.errors.length;
    process.kill(bench.gateway.child.pid, 'SIGHUP');
    await said(bench, words, from);
    return bench.gateway.child.errors.slice(from);
  };

  before(async () => {
    bench = await Bench.start({
      ...withChild,
      config: async (self) => {
        await writeFile(policy(self), text());
        return { policies: [path.join(self.folder, 'policies')] };
      },
    });
  });
  after(() => bench?.stop());

  test('a bad policy is refused with its position, and calls in flight go on', async () => {
    const held = heldCall(bench);
    await held.arrived;
    await writeFile(policy(bench), text('forbid (principal, action, resource) when { 1 + };\n'));
    const report = await reload('reload refused, the old configuration stays in force');
    assert.match(report, /tests\.cedar:2:\d+: /);
    await held.finish();
    await assertWorks(bench, 'counting', 'read_report');
  });

  test('a bad configuration is refused with its position', async () => {
    const file = path.join(bench.folder, 'aegis.yaml');
    const good = await fs.readFile(file, 'utf8');
    await writeFile(file, good.replace('"threads"', '"thraeds"'));
    assert.match(await reload('reload refused'), /aegis\.yaml:\d+:\d+: .*thraeds/);
    await writeFile(file, good.replace('"child-new"', '"child-other"'));
    assert.match(await reload('reload refused'), /the list of servers or the journal changed; restart/);
    // Another worker would ask the supervisor to sign what its notary refuses.
    await writeFile(file, JSON.stringify({ ...JSON.parse(good), limits: { journal_checkpoint_records: 7 } }));
    assert.match(await reload('reload refused'), /the list of servers or the journal changed; restart/);
    // The worker can load no library any more, and no issuer needed libcurl so far.
    const remote = { ...JSON.parse(good), identity: [new Issuer('https://issuer.example').config('http://127.0.0.1:1/jwks')] };
    await writeFile(file, JSON.stringify(remote));
    assert.match(await reload('reload refused'), /keys at an address .*restart the gateway/);
    await writeFile(file, good);
    await assertWorks(bench, 'counting', 'read_report');
  });

  test('a good policy takes effect for the next call on every loop', async () => {
    await writeFile(policy(bench), text(closed));
    const held = heldCall(bench);
    await held.arrived;
    await reload('configuration and policies reloaded');
    // Each request is a connection of its own: the kernel spreads them over the loops.
    for (let i = 0; i < 40; i++) {
      const { message } = await callTool(bench, 'counting', 'read_report');
      assert.match(JSON.stringify(message), /closed now/);
    }
    await held.finish();
    const denied = await lastSequence(bench.state);
    await writeFile(policy(bench), text());
    await reload('configuration and policies reloaded');
    await assertWorks(bench, 'counting', 'read_report');
    // The records say which policies it was.
    const sets = (await auditRecords(bench.state, denied - 2)).filter(({ phase }) => phase !== 'outcome').map((row) => row.policy_set);
    assert.deepEqual([...new Set(sets)].sort(), [hashOfPolicies(text()), hashOfPolicies(text(closed))].sort());
  });

  test('a new worker starts with what was accepted last', async () => {
    await writeFile(policy(bench), text(closed));
    await reload('configuration and policies reloaded');
    await writeFile(policy(bench), text('permit (\n'));
    await reload('reload refused');
    const from = bench.gateway.child.errors.length;
    process.kill(await workerOf(bench), 'SIGKILL');
    await said(bench, 'a new worker', from);
    assert.match(JSON.stringify((await callTool(bench, 'counting', 'read_report')).message), /closed now/);
  });
});

describe('stop', () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`${signal} lets calls finish and leaves no process`, async () => {
      const bench = await Bench.start(withChild);
      try {
        await assertWorks(bench, 'child-new', 'read_report');
        const held = heldCall(bench);
        await held.arrived;
        const processes = [await workerOf(bench), ...await stdioServersOf(bench)];
        assert.equal(processes.length, 2);
        bench.gateway.child.kill(signal);
        const { hostname, port } = new URL(bench.gateway.url);
        await until('no new connections', () => new Promise((resolve) => {
          const socket = net.connect(Number(port), hostname);
          socket.on('error', () => resolve(true));
          socket.on('connect', () => { socket.destroy(); resolve(false); });
        }));
        await held.finish();
        await bench.gateway.child.ended;
        assert.equal(bench.gateway.child.exitCode, 0, bench.gateway.child.errors);
        assert.doesNotMatch(bench.gateway.child.errors, /the worker .* ended/);
        for (const pid of processes) assert.ok(await isGone(pid), `process ${pid} is left`);
        await assertJournalIsIntact(bench);
      } finally {
        await bench.stop();
      }
    });
  }

  test('the death of the supervisor leaves no process', async () => {
    const bench = await Bench.start(withChild);
    try {
      await assertWorks(bench, 'child-new', 'read_report');
      const processes = [await workerOf(bench), ...await stdioServersOf(bench)];
      bench.gateway.child.kill('SIGKILL');
      for (const pid of processes) await until('its end', () => isGone(pid));
      // What they kept for the journal is there for a next start, which is not to come here.
      const memory = await fs.readFile(path.join(bench.state, 'audit', 'spool'), 'utf8');
      await fs.rm(path.join('/dev/shm', memory));
    } finally {
      await bench.stop();
    }
  });

  // Without this, a clean run under AddressSanitizer says nothing about the worker.
  if (looksForLeaks) {
    test('a leak of the worker is reported', async () => {
      const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-leak-'));
      const library = path.join(folder, 'planted_leak.so');
      const source = path.join(rootFolder, 'tests/integration/planted_leak.c');
      try {
        await fs.chmod(folder, 0o755); // the worker may be another user
        execFileSync('gcc', ['-std=c17', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-o', library, source]);
        const bench = await Bench.start({ ...withChild, environment: { LD_PRELOAD: library } });
        const { child } = bench.gateway;
        await assert.rejects(bench.stop(), assert.AssertionError);
        assert.equal(child.exitCode, 1, child.errors);
        const [report, ...others] = sanitizerReports(child.errors);
        assert.match(report, /Direct leak of \d+ byte\(s\) in \d+ object\(s\)/);
        assert.deepEqual(others, []);
      } finally {
        await fs.rm(folder, { recursive: true });
      }
    });
  }

  test('the worker cannot be started by hand', async () => {
    await assert.rejects(aegis('worker'), /is started by 'aegis serve' only/);
  });
});

test('a worker cannot go on with a journal from which records were taken', async () => {
  const bench = await Bench.start({ hasRealServers: false, config: { limits: { journal_checkpoint_records: 1 } } });
  try {
    for (let i = 0; i < 5; i++) await assertWorks(bench, 'counting', 'read_report');
    await assertJournalIsIntact(bench);
    const worker = await workerOf(bench);
    for (const name of await fs.readdir(path.join(bench.state, 'audit'))) {
      if (/\.aegj$|^head$/.test(name)) await fs.rm(path.join(bench.state, 'audit', name));
    }
    process.kill(worker, 'SIGKILL');
    await said(bench, 'lies before one that was kept');
    assert.doesNotMatch(bench.gateway.child.errors, /a new worker/);
  } finally {
    await bench.stop();
  }
});

describe('bad input', () => {
  /** Runs `aegis serve` to its end. */
  async function serveFails(config, folder) {
    const processes = new Processes();
    const file = path.join(folder, 'aegis.yaml');
    await writeFile(file, JSON.stringify(config, null, 2));
    const child = processes.start(aegisBinary, ['serve', '--config', file]);
    let isRead = false;
    child.on('close', () => { isRead = true; });
    await until('its end', () => isRead).finally(() => processes.stop());
    assert.equal(child.exitCode, 1, child.errors);
    return child.errors;
  }

  const working = (folder) => ({
    version: 1,
    listen: { address: '127.0.0.1:0' },
    state_dir: path.join(folder, 'state'),
    policies: [path.join(rootFolder, 'tests/integration/policies')],
    identity: [{ name: 'development', preset: 'development', roles: ['Developers'] }],
    servers: [{ name: 'counting', url: 'http://127.0.0.1:9/mcp' }],
  });

  const ROWS = [
    {
      name: 'a port that is taken',
      change: async (config, context) => {
        context.taken = net.createServer().listen(0, '127.0.0.1');
        await once(context.taken, 'listening');
        return { listen: { address: `127.0.0.1:${context.taken.address().port}` } };
      },
      words: /cannot listen on '127\.0\.0\.1' port \d+: address already in use; stop the program/,
    },
    { name: 'an address of another machine', change: () => ({ listen: { address: '192.0.2.1:0' } , hosts: ['a:1'] }), words: /192\.0\.2\.1|config\./ },
    { name: 'policies that are not there', change: () => ({ policies: ['missing'] }), words: /aegis\.yaml:\d+:\d+: cannot read '.*missing'/ },
    { name: 'a configuration that is none', change: () => ({ version: 7 }), words: /aegis\.yaml:\d+:\d+: / },
    { name: 'a user that does not exist', change: () => ({ process: { user: 'no-such-user-of-aegis' } }), words: /there is no user 'no-such-user-of-aegis'; create it/ },
    { name: 'a state folder that is a file', change: (config, { folder }) => ({ state_dir: path.join(folder, 'aegis.yaml') }), words: /aegis\.yaml/ },
  ];

  for (const { name, change, words } of ROWS) {
    test(`${name} is said, and nothing is served`, async () => {
      const folder = await fs.mkdtemp('/tmp/aegis-test-');
      const context = { folder };
      try {
        const config = working(folder);
        assert.match(await serveFails({ ...config, ...await change(config, context) }, folder), words);
      } finally {
        context.taken?.close();
        await fs.rm(folder, { recursive: true, force: true });
      }
    });
  }

  test('a second gateway on the same port is refused', async () => {
    const bench = await Bench.start({ hasRealServers: false, isLegacy: false });
    const folder = await fs.mkdtemp('/tmp/aegis-test-');
    try {
      const listen = { address: new URL(bench.gateway.url).host };
      assert.match(await serveFails({ ...working(folder), listen }, folder), /address already in use/);
      await assertWorks(bench, 'counting', 'read_report');
    } finally {
      await bench.stop();
      await fs.rm(folder, { recursive: true, force: true });
    }
  });

  test('a configuration that cannot be read is said', async () => {
    await assert.rejects(aegis('serve', '--config', '/nonexistent/aegis.yaml'), /cannot read the configuration: No such file/);
  });

  test('one server whose command is missing is nothing to serve', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-test-'));
    try {
      const command = ['proxy', '--no-auth', '--state', folder, '--', 'no-such-program-of-aegis'];
      await assert.rejects(aegis(...command), /there is no 'no-such-program-of-aegis' in PATH[^]*nothing to serve/);
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
    }
  });

  test('servers that cannot be used leave the others alone', async () => {
    const bench = await Bench.start({
      hasRealServers: false,
      isLegacy: false,
      more: (self) => [
        { name: 'absent', command: ['/nonexistent/program'] },
        { name: 'unknown', command: ['no-such-program-of-aegis'] },
        { name: 'down', url: 'http://127.0.0.1:9/mcp', revision: '2026-07-28' },
        {
          name: 'locked', url: self.counting.url, revision: '2026-07-28',
          credential: { service: { header: 'Authorization', from: { file: '/nonexistent/secret' } } },
        },
        { name: 'locked-child', command: ['cat'], credential: { service: { env: 'TOKEN', from: { env: 'AEGIS_NO_SUCH_VARIABLE' } } } },
      ],
      config: async (self) => {
        await writeFile(path.join(self.folder, 'policies', 'all.cedar'), 'permit (principal, action, resource);\n');
        return {
          policies: [path.join(self.folder, 'policies')],
          identity: [
            { name: 'development', preset: 'development', roles: ['Developers'] },
            { name: 'other', issuer: 'https://other.example', audience: 'aegis', jwks: '/nonexistent/keys.json' },
          ],
        };
      },
    });
    try {
      for (const words of [
        "cannot run '/nonexistent/program'", "there is no 'no-such-program-of-aegis' in PATH", "server 'down' cannot be reached",
        "cannot read '/nonexistent/secret'", "server 'locked' is unavailable", "server 'locked-child' is not started",
        "cannot read '/nonexistent/keys.json'", "the keys of issuer 'other' cannot be read",
      ]) await said(bench, words);
      await assertWorks(bench, 'counting', 'read_report');
      const bytes = bench.counting.bytes();
      for (const server of ['absent', 'unknown', 'down', 'locked', 'locked-child']) await assertFails(bench, server, 'echo');
      assert.equal(bench.counting.bytes(), bytes, 'nothing is sent without the credential');
      await assertWorks(bench, 'counting', 'read_report');
    } finally {
      await bench.stop();
    }
  });
});
