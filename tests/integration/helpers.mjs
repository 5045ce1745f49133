// What the integration tests share: one gateway before three servers, raw requests, and the three looks at a refusal.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

import { CountingServer } from '../peers/counting-server.mjs';
import {
  Processes, auditRecords, connectLegacy, filesystemCommand, lastSequence, mintToken, ownUser, rootFolder, startEverything,
  startGateway, until, writeFile,
} from '../peers/support.mjs';

export const MODERN = '2026-07-28';
export const LISTED_ORIGIN = 'https://console.aegis.example';
const PATIENCE_S = 30; // with an answer that does not come
const RECORDS_TOO_MANY = 50; // read past what is expected, to see what should not be there
const LOOPS = 2;
const WARM_CALLS_MAX = 200;

/** A corpus below $AEGIS_SHARED as parsed lines; undefined when it is absent. */
export async function corpusLines(file) {
  const shared = path.resolve(rootFolder, process.env.AEGIS_SHARED ?? '../shared');
  const text = await fs.readFile(path.join(shared, 'attack-data', file), 'utf8').catch(() => undefined);
  return text?.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
}

export function sharedIsAbsent(lines) {
  return lines === undefined ? 'the corpus is absent; set AEGIS_SHARED' : false;
}

/**
 * The gateway before the counting server, with an empty state folder.
 * isLegacy: revisions with a handshake are served too. hasRealServers: the official servers stand behind as well.
 * counting: options of the counting server. more: `(bench) => servers` that stand behind besides.
 * config: members that replace those of the configuration, as an object or `(bench) => object`.
 * environment: what the gateway gets besides ours.
 */
export class Bench {
  processes = new Processes();

  static async start(options = {}) {
    const bench = new Bench();
    try {
      await bench.#start(options);
    } catch (error) {
      await bench.stop();
      throw error;
    }
    return bench;
  }

  async #start({ isLegacy = true, hasRealServers = true, counting = {}, more = () => [], config = {}, environment = {} }) {
    this.folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-test-'));
    this.state = path.join(this.folder, 'state');
    this.counting = await new CountingServer(counting).start();
    const servers = [{ name: 'counting', url: this.counting.url, trust: 'internal', ...(isLegacy ? {} : { revision: MODERN }) }];
    if (hasRealServers) servers.push(...await this.#startRealServers());
    servers.push(...await more(this));
    // JSON is YAML, so the configuration needs no writer of its own.
    const all = {
      version: 1,
      listen: { address: '127.0.0.1:0' },
      state_dir: this.state,
      process: { server_user: ownUser },
      policies: [path.join(rootFolder, 'tests/integration/policies')],
      audit: { mode: 'strict' },
      identity: [{ name: 'development', preset: 'development', roles: ['Developers'] }],
      origins: [LISTED_ORIGIN],
      // The corpus has a body of 6 MB that must fail as a message, and one of 64 MiB that must fail as too large.
      limits: { body_bytes: 16 * 1024 * 1024 },
      ...(isLegacy ? {} : { revisions: [MODERN] }),
      threads: LOOPS,
      servers,
      ...(typeof config === 'function' ? await config(this) : config),
    };
    const file = path.join(this.folder, 'aegis.yaml');
    await writeFile(file, JSON.stringify(all, null, 2));
    await fs.mkdir(this.state, { recursive: true, mode: 0o700 });
    this.gateway = await startGateway(this.processes, file, environment);
    this.token = all.identity[0].preset === 'development' ? await mintToken(this.state) : undefined;
  }

  async #startRealServers() {
    const files = path.join(this.folder, 'files');
    await writeFile(path.join(files, 'a.txt'), 'a file\n');
    this.everything = await startEverything(this.processes);
    return [
      { name: 'everything', url: this.everything.url, trust: 'third-party' },
      { name: 'filesystem', command: filesystemCommand(files), trust: 'third-party' },
    ];
  }

  /** The endpoint of one server, where names are its own. */
  serverUrl(name) {
    return `${this.gateway.origin}/servers/${name}/mcp`;
  }

  /** Lets the gateway read its files and keys again, and waits until it says so. */
  async reload() {
    const { child } = this.gateway;
    const seen = child.errors.length;
    child.kill('SIGHUP');
    await until(() => `a reload: ${child.errors}`, () => child.errors.slice(seen).includes('reloaded'));
  }

  async stop() {
    await this.processes.stop();
    await this.counting?.stop();
    if (this.folder !== undefined) await fs.rm(this.folder, { recursive: true, force: true });
    assert.deepEqual(sanitizerReports(this.gateway?.child.errors ?? ''), []);
  }

  /** Calls until every loop has opened its own session of the caller with the server, so that a refusal opens none. */
  async warm(server, tool, arguments_ = {}, token = this.token) {
    const opened = () => this.counting.messages.filter(({ method }) => method === 'server/discover').length;
    const wanted = opened() + LOOPS;
    for (let i = 0; i < WARM_CALLS_MAX && opened() < wanted; i++) {
      const { status } = await rawRequest(this.serverUrl(server), modernCall(tool, arguments_), token);
      assert.equal(status, 200);
    }
    assert.equal(opened(), wanted, 'sessions with the server');
  }

  /**
   * A legacy client that has come to rest: it asks for a stream of its own in its own time, and the record of that is
   * waited for, so that later ones can be counted.
   */
  connectLegacy(url, token) {
    return this.connectWith(connectLegacy, url, token);
  }

  /** The same for one that is connected in another way. */
  async connectWith(connect, ...how) {
    const sequence = await lastSequence(this.state);
    const client = await connect(...how);
    await until('the client to ask for a stream', async () => {
      const records = await auditRecords(this.state, sequence, RECORDS_TOO_MANY);
      return records.some(({ method }) => method === 'GET');
    });
    return client;
  }

  /** One refused request: see refusedAll. */
  async refused(request) {
    return (await this.refusedAll([request]))[0];
  }

  /**
   * Runs refused requests one after the other and looks at them from behind: nothing may reach the counting server,
   * and exactly one record appears for each. Returns for each what the request returned, and its record.
   */
  async refusedAll(requests) {
    const sequence = await lastSequence(this.state);
    const answers = [];
    for (const request of requests) {
      const bytes = this.counting.bytes();
      answers.push(await request());
      assert.equal(this.counting.bytes() - bytes, 0, `bytes at the server behind, request ${answers.length}`);
    }
    const records = await this.#recordsAfter(sequence, answers.length);
    assert.equal(records.length, answers.length, `one record each: ${JSON.stringify(records.slice(0, 5))}`);
    return answers.map((answer, i) => ({ answer, record: records[i] }));
  }

  /** The records after a sequence number; waits for so many, as they are written after the answer at times. */
  async #recordsAfter(sequence, count) {
    let records = [];
    await until(() => `${count} records: ${JSON.stringify(records)}`, async () => {
      records = await auditRecords(this.state, sequence, count + RECORDS_TOO_MANY);
      return records.length >= count;
    });
    return records;
  }
}

/** What a sanitizer found in the gateway. */
export function sanitizerReports(text) {
  return text.split(/^(?==+$)/m).filter((part) => /(WARNING|ERROR): [A-Za-z]+Sanitizer|runtime error: /.test(part));
}

/** What every modern request says about itself. */
export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'aegis-test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A modern request, and the fields that mirror it. */
export function modernRequest(method, params = {}, { id = 1, meta = MODERN_META } = {}) {
  const name = params.name ?? params.uri;
  const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } });
  const headers = [
    ['Content-Type', 'application/json'],
    ['Accept', 'application/json, text/event-stream'],
    ['MCP-Protocol-Version', meta['io.modelcontextprotocol/protocolVersion']],
    ['Mcp-Method', method],
    ...(name === undefined ? [] : [['Mcp-Name', name]]),
  ];
  return { method: 'POST', headers, body: Buffer.from(body) };
}

/** A modern tools/call that asks for progress. */
export function modernCall(name, arguments_ = {}) {
  return modernRequest('tools/call', { name, arguments: arguments_ }, { meta: { ...MODERN_META, progressToken: 1 } });
}

/** A request of a revision with a handshake; with id null a notification. */
export function legacyRequest(method, params, { id = 1, session, version } = {}) {
  const body = JSON.stringify({ jsonrpc: '2.0', ...(id === null ? {} : { id }), method, params });
  const headers = [
    ['Content-Type', 'application/json'],
    ['Accept', 'application/json, text/event-stream'],
    ...(session === undefined ? [] : [['Mcp-Session-Id', session]]),
    ...(version === undefined ? [] : [['MCP-Protocol-Version', version]]),
  ];
  return { method: 'POST', headers, body: Buffer.from(body) };
}

/** Sends exactly these fields and bytes, which fetch would not, and reads to the end of the connection. */
export async function rawRequest(url, { method, headers, body }, token, secure = {}) {
  const { protocol, hostname, port, pathname, host } = new URL(url);
  const fields = [['Host', host], ['Connection', 'close'], ...headers];
  if (token !== undefined) fields.push(['Authorization', `Bearer ${token}`]);
  if (body.length > 0 || method === 'POST') fields.push(['Content-Length', String(body.length)]);
  const head = `${method} ${pathname} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const socket = protocol === 'https:'
    ? tls.connect({ host: hostname, port: Number(port), ...secure })
    : net.connect(Number(port), hostname);
  const pieces = [];
  let seconds = 0;
  // Seconds in which this process ran: a long stop of it is one of them.
  const clock = setInterval(() => {
    if (++seconds > PATIENCE_S) socket.destroy(new Error('the answer does not come'));
  }, 1000);
  await new Promise((resolve, reject) => {
    socket.on('data', (piece) => {
      pieces.push(piece);
      seconds = 0;
    });
    // A refusal may close while the body is still on its way; what was answered until then counts.
    socket.on('error', (error) => (pieces.length > 0 ? resolve() : reject(error)));
    socket.on('close', resolve);
    // In one piece: a body that finds the connection closed would hide the answer that its head got.
    socket.write(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]));
  }).finally(() => clearInterval(clock));
  return readAnswer(Buffer.concat(pieces));
}

function readAnswer(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  assert.notEqual(end, -1, 'an HTTP answer');
  const [statusLine, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const rest = bytes.subarray(end + 4);
  const body = headers.get('transfer-encoding') === 'chunked' ? joinChunks(rest) : rest;
  return { status: Number(statusLine.split(' ')[1]), headers, body, messages: messagesOf(headers, body) };
}

function joinChunks(bytes) {
  const pieces = [];
  for (let at = 0; at < bytes.length;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd === -1 ? 0 : Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    if (!(size > 0)) break;
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(pieces);
}

/** The JSON-RPC messages of an answer, whichever way they came. Our own framing is one data line a message. */
function messagesOf(headers, body) {
  const type = headers.get('content-type') ?? '';
  const text = body.toString('utf8');
  if (type.startsWith('text/event-stream')) {
    return text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
  }
  return type.startsWith('application/json') && text !== '' ? [JSON.parse(text)] : [];
}
