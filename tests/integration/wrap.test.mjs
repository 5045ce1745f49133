// `aegis wrap`: the official clients start the gateway as their server's program, over a real server of files.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { connectAnsweringCommand } from '../peers/answering-client.mjs';
import { SANITIZERS, aegis, aegisBinary, connectStdio, filesystemCommand, peersFolder, resultText } from '../peers/support.mjs';

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const POLICY = `
@id("tests.read") permit (principal, action in [Aegis::Action::"tools/list", Aegis::Action::"tools/call"], resource);
@id("tests.write") @reason("nothing is written here")
forbid (principal, action == Aegis::Action::"upstream.write_file", resource);
`;

let folder;
before(async () => {
  folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-wrap-')));
  await fs.mkdir(path.join(folder, 'policies'));
  await fs.mkdir(path.join(folder, 'files'));
  await fs.writeFile(path.join(folder, 'policies/wrap.cedar'), POLICY);
  await fs.writeFile(path.join(folder, 'files/note.txt'), 'a note');
});
after(() => fs.rm(folder, { recursive: true, force: true }));

const commandLine = (state) => [
  'wrap', '--state', path.join(folder, state), '--policy', path.join(folder, 'policies'),
  '--', ...filesystemCommand(path.join(folder, 'files')),
];

/** The records of all journals in a state folder: a client may start its server more than once. */
async function recordsOf(state) {
  const records = [];
  for (const name of await fs.readdir(path.join(folder, state))) {
    if (!name.startsWith('wrap-')) continue;
    const journal = path.join(folder, state, name);
    const text = await aegis('audit', 'tail', '--dir', journal, '-n', '1000', '--output', 'json');
    records.push(...text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)));
  }
  return records;
}

describe('aegis-wrap, which is linked without the network', () => {
  const small = `${aegisBinary}-wrap`;

  test('serves a client in front of a program', async () => {
    const env = { PATH: process.env.PATH, ...SANITIZERS, HOME: folder };
    const client = await connectAnsweringCommand([small, ...commandLine('small').slice(1)], env, 'ann');
    const note = path.join(folder, 'files/note.txt');
    assert.match(resultText(await client.callTool({ name: 'read_text_file', arguments: { path: note } })), /a note/);
    const refused = await client.callTool({ name: 'write_file', arguments: { path: note, content: 'x' } });
    assert.equal(refused.isError, true);
    assert.match(resultText(refused), /nothing is written here/);
    await client.close();
    const phases = (await recordsOf('small')).filter(({ target }) => target === 'upstream.read_text_file').map(({ phase }) => phase);
    assert.deepEqual(phases, ['intent', 'outcome']);
  });

  test('says that it reaches no address', async () => {
    const arguments_ = ['--state', path.join(folder, 'none'), '--upstream', 'http://127.0.0.1:9/mcp'];
    const child = spawn(small, arguments_, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...SANITIZERS } });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    assert.match(errors, /reaches no addresses/);
  });
});

for (const era of ['legacy', 'modern']) {
  describe(`the ${era} client on stdio`, () => {
    let client;
    before(async () => {
      client = await connectStdio(era, commandLine(era), { HOME: folder, USER: 'mallory', LOGNAME: 'mallory' });
    });
    after(() => client?.close());

    test('lists what it may call', async () => {
      const names = (await client.listTools()).tools.map((tool) => tool.name);
      assert.ok(names.includes('read_text_file'), names);
      assert.ok(!names.includes('write_file'), names);
    });

    test('calls a tool, with an intent and an outcome', async () => {
      const file = path.join(folder, 'files/note.txt');
      const result = await client.callTool({ name: 'read_text_file', arguments: { path: file } });
      assert.match(resultText(result), /a note/);
      const records = (await recordsOf(era)).filter((record) => record.target === 'upstream.read_text_file');
      assert.deepEqual(records.map((record) => record.phase), ['intent', 'outcome']);
    });

    test('is the user of the process, whatever the environment says', async () => {
      const records = (await recordsOf(era)).filter(({ issuer }) => issuer !== undefined);
      assert.ok(records.length > 0);
      for (const { issuer, subject } of records) assert.deepEqual([issuer, subject], ['local', os.userInfo().username]);
    });

    test('is refused what a policy forbids', async () => {
      const file = path.join(folder, `files/${era}.txt`);
      const result = await client.callTool({ name: 'write_file', arguments: { path: file, content: 'x' } });
      assert.equal(result.isError, true);
      assert.match(resultText(result), /nothing is written here/);
      await assert.rejects(fs.stat(file));
      const records = (await recordsOf(era)).filter((record) => record.target === 'upstream.write_file');
      assert.deepEqual(records.map((record) => [record.phase, record.decision]), [['event', 'deny']]);
    });
  });
}

/** Starts `aegis wrap` and hands lines to it. */
function start(state, ...arguments_) {
  const child = spawn(aegisBinary, arguments_.length > 0 ? arguments_ : commandLine(state), {
    env: { PATH: process.env.PATH, HOME: folder, ...SANITIZERS },
  });
  child.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.errors = '';
  child.stderr.on('data', (text) => { child.errors += text; });
  child.say = (message) => child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  child.hear = async () => JSON.parse((await child.lines.next()).value);
  return child;
}

const call = (id, name, arguments_) =>
  ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: arguments_, _meta: ENVELOPE } });

test('ends with its client, after the last answer', async () => {
  const child = start('ends');
  const exit = once(child, 'exit');
  child.say(call(1, 'list_allowed_directories', {}));
  child.stdin.end();
  assert.equal((await child.hear()).id, 1);
  assert.deepEqual(await exit, [0, null]);
  assert.match(child.errors, /server 'upstream' says: /); // what the server logs, and nothing of ours
});

test('says nothing on stdout but messages', async () => {
  const child = start('silent');
  const exit = once(child, 'exit');
  child.say('no JSON');
  child.say({ jsonrpc: '2.0', method: 'notifications/unknown' });
  child.say({ jsonrpc: '2.0', id: 'x', method: 'unknown/method' });
  child.say({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
  assert.deepEqual(await child.hear(), { jsonrpc: '2.0', id: 'x', error: { code: -32601, message: 'method not found' } });
  assert.equal((await child.hear()).error.code, -32600); // a legacy request before the handshake
  child.stdin.end();
  await exit;
  assert.equal((await child.lines.next()).done, true);
  assert.equal((await recordsOf('silent')).filter((record) => record.decision !== 'allow').length, 4);
});

test('says when to come back, where there are no header fields', async () => {
  // A program that reads nothing after its tools are listed: what is written to it waits, up to a limit.
  const program = `
    const RESULTS = {
      initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'full', version: '1' } },
      'tools/list': { tools: [{ name: 'take', inputSchema: { type: 'object' } }] },
    };
    setInterval(() => {}, 60000);
    let text = '';
    process.stdin.on('data', (bytes) => {
      text += bytes;
      for (let end = text.indexOf('\\n'); end >= 0; end = text.indexOf('\\n')) {
        const { id, method } = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        const outcome = RESULTS[method] ? { result: RESULTS[method] } : { error: { code: -32601, message: 'unknown' } };
        if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }));
        if (method === 'tools/list') process.stdin.pause();
      }
    });`.replaceAll('\n', ' ');
  const child = start('full', 'wrap', '--state', path.join(folder, 'full'), '--', process.execPath, '-e', program);
  const exit = once(child, 'exit');
  const much = 'x'.repeat(3_900_000); // two of them are as much as may wait
  for (const id of [1, 2, 3]) child.say(call(id, 'take', { much }));
  const { id, error } = await child.hear();
  child.kill('SIGKILL');
  await exit;
  assert.equal(id, 3);
  assert.equal(error.code, 50306);
  assert.deepEqual([error.data.code, error.data.retry], ['overloaded', 1]);
  const records = (await recordsOf('full')).filter(({ decision_id }) => decision_id === error.data.decision_id);
  assert.deepEqual(records.map(({ phase, code }) => `${phase} ${code ?? ''}`), ['intent ', 'outcome upstream.busy']);
});

test('gives its program none of its own environment and descriptors', async () => {
  const show = 'console.error(JSON.stringify([process.env.VARIABLE_OF_CLIENT ?? null, require("fs").readdirSync("/proc/self/fd").length])); process.stdin.resume()';
  const child = spawn(aegisBinary, ['wrap', '--state', path.join(folder, 'clean'), '--', process.execPath, '-e', show], {
    env: { PATH: process.env.PATH, HOME: folder, VARIABLE_OF_CLIENT: 'x', ...SANITIZERS },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  child.stdin.write(`${JSON.stringify(call(1, 'any', {}))}\n`);
  let errors = '';
  for await (const text of child.stderr) {
    errors += text;
    if (errors.includes(']')) break;
  }
  child.kill('SIGKILL'); // its call is never answered
  await exit;
  assert.match(errors, /\[null,/);
});

test('lets the server ask for everything but the model, with the policies built in', async () => {
  const server = path.join(peersFolder, 'asking-server.mjs');
  const command = [aegisBinary, 'wrap', '--state', path.join(folder, 'asked'), '--', process.execPath, server, 'stdio'];
  const client = await connectAnsweringCommand(command, { PATH: process.env.PATH, HOME: folder, ...SANITIZERS }, 'ann');
  const answer = async (name) => JSON.parse(resultText(await client.callTool({ name, arguments: {} })));
  assert.deepEqual(await answer('ask_user'), { action: 'accept', content: { name: 'ann' } });
  assert.deepEqual((await answer('ask_roots')).roots.map(({ uri }) => uri), ['file:///home/ann', 'file:///private/keys']);
  assert.ok('code' in await answer('ask_model'));
  assert.deepEqual(client.asked.map(({ method }) => method), ['elicitation/create', 'roots/list']);
  await client.close();
});

test('lets an older server ask a client of the newest revision', async () => {
  const asked = [];
  const prepare = (client) => client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message);
    return { action: 'accept', content: { name: 'ann' } };
  });
  const command = ['wrap', '--state', path.join(folder, 'bridged'), '--', process.execPath, path.join(peersFolder, 'asking-server.mjs'), 'stdio'];
  const client = await connectStdio('modern', command, { HOME: folder }, { capabilities: { elicitation: { form: {} } }, prepare });
  const result = await client.callTool({ name: 'ask_user', arguments: {} });
  assert.deepEqual(JSON.parse(resultText(result)), { action: 'accept', content: { name: 'ann' } });
  assert.deepEqual(asked, ['who?']);
  assert.deepEqual(JSON.parse(resultText(await client.callTool({ name: 'ask_roots', arguments: {} }))), { code: -32601 });
  await client.close();
});

test('leaves a journal that the audit commands find by themselves', async () => {
  const env = { HOME: folder, XDG_STATE_HOME: path.join(folder, 'found') };
  const command = ['wrap', '--', ...filesystemCommand(path.join(folder, 'files'))];
  const audit = (...words) => promisify(execFile)(aegisBinary, ['audit', ...words], { env: { ...process.env, ...SANITIZERS, ...env } });
  const clients = [];
  const begin = async () => {
    clients.push(await connectStdio('legacy', command, env)); // the other client starts a program twice
    await clients.at(-1).callTool({ name: 'list_allowed_directories', arguments: {} });
  };
  try {
    await assert.rejects(audit('tail'), /journal.absent/);
    await begin();
    assert.match((await audit('tail', '--output', 'json')).stdout, /"target":"upstream.list_allowed_directories"/);
    await begin();
    await assert.rejects(audit('tail'), /journal.ambiguous: 2 journals[^]*wrap-\d+  being written[^]*wrap-\d+  being written/);
  } finally {
    for (const client of clients) await client.close();
  }
  for (const name of ['tail', 'search', 'verify', 'head']) {
    await assert.rejects(audit(name), /journal.ambiguous: 2 journals[^]*--dir .*wrap-\d+  last written/);
  }
  const [other] = (await fs.readdir(path.join(folder, 'found/aegis'))).filter((name) => name.startsWith('wrap-'));
  await fs.rm(path.join(folder, 'found/aegis', other), { recursive: true });
  assert.match((await audit('verify', '--output', 'json')).stdout, /"intact":true/);
  assert.match((await audit('tail')).stdout, /upstream.list_allowed/);
});

test('refuses what it cannot run', async () => {
  const missing = start('none', 'wrap');
  assert.deepEqual(await once(missing, 'exit'), [2, null]);
  assert.match(missing.errors, /give either a command after '--' or --upstream URL/);
  const absent = start('none', 'wrap', '--state', path.join(folder, 'none'), '--', '/no/such/program');
  assert.deepEqual(await once(absent, 'exit'), [1, null]);
  assert.match(absent.errors, /no\/such\/program/);
});
