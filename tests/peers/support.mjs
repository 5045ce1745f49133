// What ./run and the integration tests share: real servers, the gateway, tokens, audit records and clients.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const peersFolder = path.dirname(fileURLToPath(import.meta.url));
export const rootFolder = path.resolve(peersFolder, '../..');
export const aegisBinary = path.resolve(rootFolder, process.env.AEGIS_BINARY ?? 'build/release/aegis');
const packages = path.join(peersFolder, 'node_modules/@modelcontextprotocol');
/** Python with the packages of tests/peers/python. */
export const pythonPath = path.join(peersFolder, 'python/venv/bin/python');
/** Stdio servers run as this user: programs and files may lie where no other can read. */
export const ownUser = os.userInfo().username;
const TURN_MS = 20;
const TURNS_MAX = 3000;
const STOP_MS = 20000;
const ERRORS_MAX = 1 << 20;
// A sanitizer's symbolizer is a process of its own, which the worker may not start: it would be ended for its report.
export const SANITIZERS = { ASAN_OPTIONS: 'symbolize=0', TSAN_OPTIONS: 'symbolize=0', UBSAN_OPTIONS: 'symbolize=0' };

/**
 * Waits until the condition gives something that counts as true, and returns that. what: what is waited for, a text or a
 * function that says more. Turns are counted, not time: however busy the machine is, and even after the test itself was
 * stopped for a while, the condition is looked at as often.
 */
export async function until(what, condition, turnsMax = TURNS_MAX) {
  for (let turn = 0; turn < turnsMax; turn++) {
    const result = await condition();
    if (result) return result;
    await sleep(TURN_MS);
  }
  throw new Error(`waited in vain for ${typeof what === 'function' ? what() : what}`);
}

/** Runs `aegis ARGUMENTS...` to its end and returns what it printed; throws with its stderr when it fails. */
export async function aegis(...arguments_) {
  const { stdout } = await promisify(execFile)(aegisBinary, arguments_, { maxBuffer: 1 << 28 });
  return stdout;
}

/** The processes that one run started; each is stopped by its own id. */
export class Processes {
  #children = [];

  start(command, arguments_, options = {}) {
    const child = spawn(command, arguments_, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      child.errors = (child.errors + text).slice(-ERRORS_MAX);
    });
    child.ended = once(child, 'exit').catch(() => {});
    child.on('error', (error) => {
      child.errors += error.message;
    });
    this.#children.push(child);
    return child;
  }

  /** The newest first: the gateway ends before the servers behind it. */
  async stop() {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await child.ended;
      clearTimeout(late);
    }
    this.#children = [];
  }
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function waitForPort(port, child) {
  await until(() => `a server on port ${port}: ${child.errors}`, async () => {
    if (child.exitCode !== null) throw new Error(`the server has ended: ${child.errors}`);
    const socket = net.connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    return isOpen;
  });
}

/** server-everything over streamable HTTP, on a loopback port. */
export async function startEverything(processes) {
  const port = await freePort();
  const program = path.join(packages, 'server-everything/dist/index.js');
  const child = processes.start(
    process.execPath,
    ['--import', path.join(peersFolder, 'loopback.mjs'), program, 'streamableHttp'],
    { env: { PATH: process.env.PATH, PORT: String(port) } },
  );
  child.stdout.resume();
  await waitForPort(port, child);
  return { url: `http://127.0.0.1:${port}/mcp`, child };
}

/** The command line of server-filesystem on stdio, over one folder. */
export function filesystemCommand(folder) {
  return [process.execPath, path.join(packages, 'server-filesystem/dist/index.js'), folder];
}

/** Starts `aegis ARGUMENTS...`, with more environment if there is some, and waits until it says where it listens. */
export async function startAegis(processes, arguments_, environment = {}) {
  const env = { ...process.env, ...SANITIZERS, ...environment };
  const child = processes.start(aegisBinary, arguments_, { env });
  const url = await listeningUrl(child);
  if (url === undefined) throw new Error(`the gateway does not listen: ${child.errors}`);
  return { url, origin: new URL(url).origin, child };
}

/** The address of `{"listening":URL}`, the line that a server of ours prints when it is ready. */
export async function listeningUrl(child) {
  let url;
  let isOver = false;
  createInterface({ input: child.stdout })
    .on('line', (line) => { url ??= line.startsWith('{') ? JSON.parse(line).listening : undefined; })
    .on('close', () => { isOver = true; });
  await until('the line that says where it listens', () => url !== undefined || isOver).catch(() => {});
  return url;
}

/** Starts `aegis serve`. */
export function startGateway(processes, configFile, environment = {}) {
  return startAegis(processes, ['serve', '--config', configFile], environment);
}

/** A token of the development issuer whose key is in the state folder. */
export async function mintToken(state, { subject = 'alice', roles = ['Developers'], audience = 'aegis', ttl = 3600, issuer } = {}) {
  const roleOptions = roles.flatMap((role) => ['--role', role]);
  const issuerOptions = issuer === undefined ? [] : ['--issuer', issuer];
  const token = await aegis(
    'token', 'mint', '--state', state, '--subject', subject, '--audience', audience, '--ttl', String(ttl),
    ...roleOptions, ...issuerOptions,
  );
  return token.trim();
}

/** The audit records after a sequence number, of the newest `count`, oldest first; each names its own as `sequence`. */
export async function auditRecords(state, after = -1, count = 100000) {
  const rows = await newestRecords(state, count);
  return rows.filter((row) => row.sequence > after);
}

/** The sequence number of the newest record, -1 when there is none. */
export async function lastSequence(state) {
  return (await newestRecords(state, 1)).at(-1)?.sequence ?? -1;
}

async function newestRecords(state, count) {
  const text = await aegis('audit', 'tail', '--dir', path.join(state, 'audit'), '-n', String(count), '--output', 'json');
  return text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

/**
 * A client of the SDK's first version, which speaks the revisions with a handshake. capabilities: what servers may ask
 * of it; prepare: called with the client, and the schemas of the SDK, before it connects, to answer them.
 */
export async function connectLegacy(url, token, { capabilities = {}, prepare = () => {} } = {}) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const client = new Client({ name: 'aegis-peer', version: '1.0.0' }, { capabilities });
  await prepare(client, await import('@modelcontextprotocol/sdk/types.js'));
  await client.connect(new StreamableHTTPClientTransport(new URL(url), withToken(token)));
  return client;
}

/** The same client over HTTP with SSE, the transport of the first revision. */
export async function connectSse(url, token) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js');
  const client = new Client({ name: 'aegis-peer', version: '1.0.0' });
  await client.connect(new SSEClientTransport(new URL(url), withToken(token)));
  return client;
}

/**
 * A client of the SDK's second version, which speaks revision 2026-07-28 and nothing else, unless mode says how it chooses:
 * 'auto', the newest that both speak, or 'legacy'.
 */
export async function connectModern(url, token, { capabilities = {}, prepare = () => {}, mode = { pin: '2026-07-28' } } = {}) {
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client(
    { name: 'aegis-peer', version: '1.0.0' },
    { capabilities, versionNegotiation: { mode } },
  );
  await prepare(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(url), withToken(token)));
  return client;
}

const STDIO_CLIENTS = {
  legacy: async () => ({
    ...await import('@modelcontextprotocol/sdk/client/index.js'),
    ...await import('@modelcontextprotocol/sdk/client/stdio.js'),
  }),
  modern: async () => ({
    ...await import('@modelcontextprotocol/client'),
    ...await import('@modelcontextprotocol/client/stdio'),
    options: { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  }),
};

/**
 * A client of the SDK that starts `aegis ARGUMENTS...` as its server's program; era: 'legacy' or 'modern'. capabilities
 * and prepare as above.
 */
export async function connectStdio(era, arguments_, environment = {}, { capabilities = {}, prepare = () => {} } = {}) {
  const { Client, StdioClientTransport, options } = await STDIO_CLIENTS[era]();
  const client = new Client({ name: 'aegis-peer', version: '1.0.0' }, { capabilities, ...options });
  await prepare(client);
  const env = { PATH: process.env.PATH, ...SANITIZERS, ...environment };
  await client.connect(new StdioClientTransport({ command: aegisBinary, args: arguments_, env, stderr: 'inherit' }));
  return client;
}

/**
 * The same with what the program writes to stderr, which goes to a file: `errors()`. `ready` is the client when it has
 * connected, or the error that kept it from it, and `client` the same client before.
 */
export async function startStdio(era, arguments_, errorFile, environment = {}) {
  const { Client, StdioClientTransport, options } = await STDIO_CLIENTS[era]();
  const client = new Client({ name: 'aegis-peer', version: '1.0.0' }, options);
  const env = { PATH: process.env.PATH, ...SANITIZERS, ...environment };
  const file = await fs.open(errorFile, 'a');
  const ready = client.connect(new StdioClientTransport({ command: aegisBinary, args: arguments_, env, stderr: file.fd }))
    .then(() => client, (error) => error)
    .finally(() => file.close());
  return { client, ready, errors: () => readFileSync(errorFile, 'utf8') };
}

/** token: the text, or a function that gives the one of the moment. */
function withToken(token) {
  if (typeof token !== 'function') {
    return { requestInit: { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } } };
  }
  return {
    fetch: (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set('Authorization', `Bearer ${token()}`);
      return fetch(url, { ...init, headers });
    },
  };
}

/** The text a tool result shows to the model. */
export function resultText(result) {
  return result.content.filter((part) => part.type === 'text').map((part) => part.text).join('\n');
}

/** Writes a file, its folder included; only this user may read it. */
export async function writeFile(file, text) {
  await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await fs.writeFile(file, text, { mode: 0o600 });
}
