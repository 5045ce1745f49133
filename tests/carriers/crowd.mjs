// Many clients beside each other and the server that they share, as programs, since a test runner would slow them down.
// `crowd.mjs server` prints where it listens. `crowd.mjs program LOG` is the same server of the modern revision on standard
// input and output; LOG gets a line for each process, and for each request that is taken back. `crowd.mjs clients` reads from standard input `{ calls, clients }`, the number
// of calls of each and an array of `{ revision, url, token }`, and prints what was not a client's own and the time it took.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';

import { listen } from '../peers/listen.mjs';
import { connect } from './client.mjs';
import { MODERN } from './table.mjs';

const AT_ONCE = 50;
const WAYS = ['plain', 'told', 'asked'];
const FORM = { type: 'object', properties: { label: { type: 'string' } }, required: ['label'] };
const TOOLS = [{ name: 'echo', inputSchema: { type: 'object' } }];

const event = (message) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;

/** Answers what has come meanwhile in the wrong order, and asks under the same id in every session. */
class EchoServer {
  #held = [];
  #waiting = new Map(); // by session

  /** say sends a message; the last is the answer. */
  async call(say, session, { id, params }) {
    const { arguments: { label, way }, inputResponses, _meta: { progressToken, ...meta } } = params;
    const isModern = meta['io.modelcontextprotocol/protocolVersion'] !== undefined;
    await this.#turn();
    if (way === 'told') {
      say({ method: 'notifications/progress', params: { progressToken, progress: 1, message: label } });
      await this.#turn();
    }
    let result = { content: [{ type: 'text', text: label }] };
    if (way === 'asked' && isModern && inputResponses === undefined) {
      result = { resultType: 'input_required', inputRequests: { q: { method: 'elicitation/create', params: question(label) } } };
    } else if (way === 'asked') {
      const { content } = isModern ? inputResponses.q : await this.#ask(say, session, label);
      result = { content: [{ type: 'text', text: `${label} ${content?.label}` }] };
    }
    say({ id, result: isModern ? { resultType: 'complete', ...result } : result });
  }

  answered(session, result) {
    this.#waiting.get(session)?.(result);
  }

  #ask(say, session, label) {
    return new Promise((resolve) => {
      this.#waiting.set(session, resolve);
      say({ id: 0, method: 'elicitation/create', params: question(label) });
    });
  }

  /** Those who wait for their turn go on newest first. */
  #turn() {
    if (this.#held.length === 0) setImmediate(() => this.#held.splice(0).reverse().forEach((resume) => resume()));
    return new Promise((resolve) => this.#held.push(resolve));
  }
}

class HttpServer {
  #echo = new EchoServer();
  #server = http.createServer((request, response) => this.#serve(request, response));

  async start() {
    console.log(JSON.stringify({ listening: `http://${await listen(this.#server)}/mcp` }));
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
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      await this.#echo.call((said) => response.write(event(said)), session, message);
      response.end();
    } else if (message.id === undefined || message.method === undefined) {
      this.#echo.answered(session, message.result);
      response.writeHead(202).end();
    } else {
      const fields = message.method === 'initialize' ? { 'Mcp-Session-Id': randomUUID() } : {};
      response.writeHead(200, { 'Content-Type': 'application/json', ...fields });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: housekeeping(message) }));
    }
  }
}

/** One that is used by all clients; a label of `wait` is not answered, and `end` is the end of the process. */
async function runProgram(log) {
  const echo = new EchoServer();
  const note = (text) => fs.appendFileSync(log, `${text}\n`);
  const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  note('start');
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    const label = message.params?.arguments?.label;
    if (message.method === 'notifications/cancelled') note(`cancelled ${message.params.requestId}`);
    else if (label === 'end') process.exit(1);
    else if (label === 'wait') note(`waits ${message.id}`);
    else if (message.method === 'tools/call') void echo.call(say, undefined, message);
    else if (message.id !== undefined) say({ id: message.id, result: housekeeping(message) });
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

/** Some at a time: handshakes are bounded in time, and all clients share one thread. */
async function connectAll(all) {
  const clients = [];
  while (clients.length < all.length) {
    const next = all.slice(clients.length, clients.length + AT_ONCE);
    clients.push(...await Promise.all(next.map(({ revision, url, token }) => connect('http', revision, url, token))));
  }
  return clients;
}

/** What one client makes of its calls: descriptions of what was not its own. */
async function crossedOf(client, number, calls) {
  const crossed = [];
  for (let i = 0; i < calls; i++) {
    const way = WAYS[(number + i) % WAYS.length];
    const label = `${number}/${i}`;
    const answer = { action: 'accept', content: { label } };
    const { result, error, asked, told } = await client.use({ method: 'tools/call', params: { name: 'echo', arguments: { label, way } } }, answer);
    const seen = [result?.content?.[0].text ?? error, asked.map(({ params }) => params.message), told.map(({ message }) => message)];
    const expected = [way === 'asked' ? `${label} ${label}` : label, way === 'asked' ? [label] : [], way === 'told' ? [label] : []];
    if (JSON.stringify(seen) !== JSON.stringify(expected)) crossed.push(`${JSON.stringify(seen)} for ${JSON.stringify(expected)}`);
  }
  await client.close();
  return crossed;
}

async function runClients({ calls, clients: all }) {
  const clients = await connectAll(all);
  const begun = performance.now();
  const crossed = (await Promise.all(clients.map((client, number) => crossedOf(client, number, calls)))).flat();
  console.log(JSON.stringify({ crossed, seconds: (performance.now() - begun) / 1000 }));
}

if (process.argv[2] === 'server') new HttpServer().start();
else if (process.argv[2] === 'program') await runProgram(process.argv[3]);
else await runClients(await json(process.stdin));
