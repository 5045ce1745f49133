// Many clients that use equal ids, tokens of progress and names beside each other: each gets its own answers, progress and
// questions, and nobody else's. AEGIS_LONG=1 takes a thousand clients and a hundred thousand calls.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { connect } from '../carriers/client.mjs';
import { rootFolder } from '../peers/support.mjs';
import { Bench, MODERN } from './helpers.mjs';
import { Issuer } from './issuer.mjs';

const LEGACY = '2025-11-25';
const [CLIENTS, CALLS] = process.env.AEGIS_LONG === '1' ? [1000, 100] : [100, 8];
const AT_ONCE = 50;
const TOKEN_S = 7200;
const WAYS = ['plain', 'told', 'asked'];
/** The revisions of a client and of its server. */
const PAIRS = [[LEGACY, LEGACY], [MODERN, MODERN], [LEGACY, MODERN]];
const FORM = { type: 'object', properties: { label: { type: 'string' } }, required: ['label'] };
const TOOLS = [{ name: 'echo', inputSchema: { type: 'object' } }];

const event = (message) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;

/** Answers what has come meanwhile in the wrong order, and asks under the same id in every session. */
class EchoServer {
  calls = 0;
  #held = [];
  #waiting = new Map(); // by session
  #server = http.createServer((request, response) => this.#serve(request, response));

  async start() {
    this.#server.keepAliveTimeout = TOKEN_S * 1000;
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}/mcp`;
    return this;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    if (request.method !== 'POST') {
      response.writeHead(405, { Allow: 'POST' }).end();
      return;
    }
    const session = request.headers['mcp-session-id'];
    const message = JSON.parse(Buffer.concat(pieces));
    if (message.method === 'tools/call') {
      await this.#call(response, session, message);
    } else if (message.id === undefined || message.method === undefined) {
      this.#waiting.get(session)?.(message.result);
      response.writeHead(202).end();
    } else {
      const fields = message.method === 'initialize' ? { 'Mcp-Session-Id': randomUUID() } : {};
      response.writeHead(200, { 'Content-Type': 'application/json', ...fields });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: housekeeping(message) }));
    }
  }

  async #call(response, session, { id, params }) {
    const { arguments: { label, way }, inputResponses, _meta: { progressToken, ...meta } } = params;
    const isModern = meta['io.modelcontextprotocol/protocolVersion'] !== undefined;
    this.calls++;
    await this.#turn();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    if (way === 'told') {
      response.write(event({ method: 'notifications/progress', params: { progressToken, progress: 1, message: label } }));
      await this.#turn();
    }
    let result = { content: [{ type: 'text', text: label }] };
    if (way === 'asked' && isModern && inputResponses === undefined) {
      result = { resultType: 'input_required', inputRequests: { q: { method: 'elicitation/create', params: question(label) } } };
    } else if (way === 'asked') {
      const { content } = isModern ? inputResponses.q : await this.#ask(response, session, label);
      result = { content: [{ type: 'text', text: `${label} ${content?.label}` }] };
    }
    response.end(event({ id, result: isModern ? { resultType: 'complete', ...result } : result }));
  }

  #ask(response, session, label) {
    return new Promise((resolve) => {
      this.#waiting.set(session, resolve);
      response.write(event({ id: 0, method: 'elicitation/create', params: question(label) }));
    });
  }

  /** Those who wait for their turn go on newest first. */
  #turn() {
    if (this.#held.length === 0) setImmediate(() => this.#held.splice(0).reverse().forEach((resume) => resume()));
    return new Promise((resolve) => this.#held.push(resolve));
  }
}

const question = (label) => ({ message: label, requestedSchema: FORM });

function housekeeping({ method, params }) {
  const capabilities = { tools: {} };
  switch (method) {
    case 'initialize':
      return { protocolVersion: params.protocolVersion, capabilities, serverInfo: { name: 'echo', version: '1.0.0' } };
    case 'server/discover':
      return { resultType: 'complete', supportedVersions: [MODERN], capabilities, ttlMs: 0, cacheScope: 'private' };
    default:
      return { resultType: 'complete', tools: TOOLS, ttlMs: 0, cacheScope: 'private' };
  }
}

const issuer = new Issuer('https://issuer.tests.example');
let bench, echo;
before(async () => {
  echo = await new EchoServer().start();
  bench = await Bench.start({
    hasRealServers: false,
    more: () => [LEGACY, MODERN].map((revision) => ({ name: `echo-${revision}`, url: echo.url, trust: 'internal', revision })),
    config: async ({ folder }) => {
      await fs.writeFile(path.join(folder, 'keys.json'), issuer.jwks());
      return {
        policies: [path.join(rootFolder, 'tests/integration/policies-open')],
        identity: [issuer.config(path.join(folder, 'keys.json'))],
      };
    },
  });
});
after(async () => {
  await bench?.stop();
  await echo?.stop();
});

function connectOne(number) {
  const [own, server] = PAIRS[number % PAIRS.length];
  const exp = Math.floor(Date.now() / 1000) + TOKEN_S;
  const token = issuer.token({ claims: { sub: `client-${number}`, exp } });
  return connect('http', own, bench.serverUrl(`echo-${server}`), token);
}

/** Some at a time: handshakes are bounded in time, and all ends share one thread here. */
async function connectAll() {
  const clients = [];
  while (clients.length < CLIENTS) {
    const next = Array.from({ length: Math.min(AT_ONCE, CLIENTS - clients.length) }, (_, i) => connectOne(clients.length + i));
    clients.push(...await Promise.all(next));
  }
  return clients;
}

/** What one client makes of its calls: descriptions of what was not its own. */
async function crossedOf(client, number) {
  const crossed = [];
  for (let i = 0; i < CALLS; i++) {
    const way = WAYS[(number + i) % WAYS.length];
    const label = `${number}/${i}`;
    const answer = { action: 'accept', content: { label } };
    const { result, asked, told } = await client.use({ method: 'tools/call', params: { name: 'echo', arguments: { label, way } } }, answer);
    const seen = [result?.content?.[0].text, asked.map(({ params }) => params.message), told.map(({ message }) => message)];
    const expected = [way === 'asked' ? `${label} ${label}` : label, way === 'asked' ? [label] : [], way === 'told' ? [label] : []];
    if (JSON.stringify(seen) !== JSON.stringify(expected)) crossed.push(`${JSON.stringify(seen)} for ${JSON.stringify(expected)}`);
  }
  await client.close();
  return crossed;
}

test(`${CLIENTS} clients with equal ids make ${CLIENTS * CALLS} calls`, async (t) => {
  const clients = await connectAll();
  const begun = performance.now();
  const crossed = (await Promise.all(clients.map(crossedOf))).flat();
  t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s, ${echo.calls} calls at the server`);
  assert.deepEqual(crossed.slice(0, 10), [], `${crossed.length} answers that were not the client's own`);
  assert.ok(echo.calls >= CLIENTS * CALLS);
});
