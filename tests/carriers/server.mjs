// A server of the matrix, of one revision: it lists a tool, an address and a prompt for every cell, and asks what the
// cell of a called tool wants asked. Over HTTP in this process; as a program, it speaks on its standard streams:
// `server.mjs REVISION MODE FILE`, where FILE gets a line for each message that reached it.
import fs from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { listen } from '../peers/listen.mjs';
import { ADDRESS, MODERN, NAMES, questionOf, resultOf } from './table.mjs';

const CAPABILITIES = { tools: {}, resources: {}, prompts: {} };
const TASKS = 'io.modelcontextprotocol/tasks';
const TASK_CAPABILITY = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
const TASK_EXTENSION = { extensions: { [TASKS]: {} } };
const INFO = { name: 'carriers', version: '1.0.0' };
const LISTS = {
  'tools/list': { tools: NAMES.map((name) => ({ name, inputSchema: { type: 'object' }, execution: { taskSupport: 'optional' } })) },
  'resources/list': { resources: NAMES.map((name) => ({ name, uri: `note://peer/${name}` })) },
  'resources/templates/list': { resourceTemplates: [] },
  'prompts/list': { prompts: NAMES.map((name) => ({ name, arguments: [{ name: 'whom' }] })) },
};
const USES = ['tools/call', 'resources/read', 'prompts/get'];

class Peer {
  /** What reached it: messages with a method, and answers to what it asked. */
  heard = [];
  /** What it does once its answer is on its way. */
  later = () => {};
  #tasks = new Map();

  constructor(revision, mode, carrierId) {
    Object.assign(this, { revision, mode, carrierId });
  }

  /** `{ result }` or `{ error }`; ask: sends a question to the client and resolves to the answer. */
  async outcome(message, ask) {
    const isModern = this.revision === MODERN;
    const outcome = await this.#outcome(message, ask);
    const cached = isModern && /list$|read$|discover$/.test(message.method) ? { ttlMs: 0, cacheScope: 'private' } : {};
    return isModern && outcome.result !== undefined
      ? { result: { resultType: 'complete', ...outcome.result, ...cached } }
      : outcome;
  }

  #outcome(message, ask) {
    if (this.mode === 'tasks' && message.method === 'tools/call') return this.#begin(message);
    if (message.method.startsWith('tasks/')) return this.#look(message, ask);
    return USES.includes(message.method) ? this.#use(message, ask) : this.#housekeeping(message);
  }

  /** The call goes on as a task. */
  #begin({ method, params }) {
    const id = `task-${this.#tasks.size}`;
    const now = new Date().toISOString();
    const task = { taskId: id, status: 'working', createdAt: now, lastUpdatedAt: now };
    this.heard.push({ method, params });
    this.#tasks.set(id, { call: { method, params }, task, question: questionOf({ method, params }) });
    return { result: this.revision === MODERN ? { resultType: 'task', ...task, ttlMs: 60000 } : { task: { ...task, ttl: 60000 } } };
  }

  async #look({ method, params }, ask) {
    const kept = this.#tasks.get(params.taskId);
    const { call, task, question } = kept;
    if (method === 'tasks/result') {
      if (question !== undefined) await this.#hear(ask(question));
      return { result: { ...resultOf(call), _meta: { 'io.modelcontextprotocol/related-task': { taskId: task.taskId } } } };
    }
    if (method === 'tasks/update') {
      this.heard.push({ result: params.inputResponses.q });
      kept.question = undefined;
    }
    kept.isCancelled ||= method === 'tasks/cancel';
    if (method !== 'tasks/get') {
      this.later = () => kept.tell?.();
      return { result: {} };
    }
    const state = question === undefined
      ? { status: 'completed', result: resultOf(call) }
      : { status: 'input_required', inputRequests: { q: question } };
    return { result: { ...task, ttlMs: 60000, ...(kept.isCancelled ? { status: 'cancelled' } : state) } };
  }

  /** Tells of the tasks that are listened to, now and when they change. What it says of them is not to be believed. */
  listen({ id, params }, tell) {
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
    const { taskIds } = params.notifications;
    tell({ method: 'notifications/subscriptions/acknowledged', params: { notifications: { taskIds }, _meta } });
    for (const kept of taskIds.map((each) => this.#tasks.get(each))) {
      kept.tell = () => tell({ method: 'notifications/tasks', params: { ...kept.task, ttlMs: 60000, _meta } });
      kept.tell();
    }
  }

  async #hear(asked) {
    const { result, error } = await asked;
    this.heard.push(error === undefined ? { result } : { error });
  }

  #housekeeping({ method }) {
    const isModern = this.revision === MODERN;
    const capabilities = this.mode !== 'tasks' ? CAPABILITIES : { ...CAPABILITIES, ...(isModern ? TASK_EXTENSION : TASK_CAPABILITY) };
    if (method === 'initialize' && !isModern) {
      return { result: { protocolVersion: this.revision, capabilities, serverInfo: INFO } };
    }
    if (method === 'server/discover' && isModern) {
      return { result: { supportedVersions: [MODERN], capabilities } };
    }
    if (method === 'ping') return { result: {} };
    return LISTS[method] === undefined ? { error: { code: -32601, message: 'no such method' } } : { result: LISTS[method] };
  }

  async #use(message, ask) {
    const { method, params } = message;
    this.heard.push({ method, params });
    const question = questionOf({ method, params }, this.carrierId);
    if (question === undefined) return { result: resultOf(message) };
    if (this.carrierId === 'error') {
      const elicitations = [{ mode: 'url', elicitationId: 'e1', url: ADDRESS, message: 'Sign in' }];
      return { error: { code: -32042, message: 'sign in first', data: { elicitations } } };
    }
    if (this.revision !== MODERN) {
      const askAndHear = () => this.#hear(ask(question));
      if (this.mode === 'standing') this.later = askAndHear;
      else await askAndHear();
    } else if (params.inputResponses === undefined) {
      return { result: { resultType: 'input_required', inputRequests: { q: question } } };
    } else {
      this.heard.push({ result: params.inputResponses.q });
    }
    return { result: resultOf(message) };
  }
}

function goOnLater(peer) {
  const { later } = peer;
  peer.later = () => {};
  later();
}

/** Questions that wait for an answer, by their id, which are those that clients use, too. */
class Waiting {
  #waiting = new Map();
  #last = 0;

  ask(question, send) {
    const id = this.#last++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      send({ jsonrpc: '2.0', id, ...question });
    });
  }

  answered(message) {
    this.#waiting.get(message.id)?.(message);
  }
}

/** Several servers at one port, each at its own path. */
export class HttpPeers {
  #peers = new Map();
  #server = http.createServer((request, response) => this.#serve(request, response));

  async start() {
    this.origin = `http://${await listen(this.#server)}`;
    return this;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** mode: how it answers what clients use; returns the peer, with its `url`. */
  add(name, revision, carrierId, mode) {
    const peer = new Peer(revision, mode, carrierId);
    Object.assign(peer, { sessions: new Map(), url: `${this.origin}/${name}` });
    this.#peers.set(`/${name}`, peer);
    return peer;
  }

  async #serve(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.origin);
    const peer = this.#peers.get(pathname);
    const session = request.headers['mcp-session-id'] ?? searchParams.get('stream');
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    if (request.method === 'DELETE') {
      response.writeHead(peer.sessions.delete(session) ? 200 : 404).end();
    } else if (request.method === 'GET' && isSse(peer)) {
      openSse(response, peer);
    } else if (request.method === 'GET' && peer.mode === 'standing') {
      stand(response, peer.sessions.get(session));
    } else if (request.method === 'GET') {
      goOn(request, response, peer.sessions.get(session));
    } else {
      const message = JSON.parse(Buffer.concat(pieces).toString('utf8'));
      await (isSse(peer) ? takeSse : take)(response, peer, session, message);
    }
  }
}

const isSse = ({ mode }) => mode.startsWith('sse');

/** As a server writes that packs messages into batches when it may: a question never alone, and answers in an array, too. */
function packed(mode, said) {
  if (!mode.endsWith('batch') || said.result?.protocolVersion !== undefined) return said;
  return said.method === undefined ? [said] : [{ jsonrpc: '2.0', id: 'ping', method: 'ping' }, said];
}

/** HTTP with SSE: says on the stream where messages are to be posted. */
function openSse(response, peer) {
  const id = `${peer.sessions.size}`;
  peer.sessions.set(id, { link: response, waiting: new Waiting() });
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(`event: endpoint\ndata: ${new URL(peer.url).pathname}?stream=${id}\n\n`);
}

async function takeSse(response, peer, id, message) {
  const { link, waiting } = peer.sessions.get(id);
  const send = (said) => link.write(`event: message\n${event(packed(peer.mode, said))}`);
  response.writeHead(202).end();
  if (message.method === undefined) {
    waiting.answered(message);
  } else if (message.id !== undefined) {
    const outcome = await peer.outcome(message, (question) => waiting.ask(question, send));
    send({ jsonrpc: '2.0', id: message.id, ...outcome });
  }
}

/** The stream of a session, which gets what is asked between calls. */
function stand(response, session) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  session.standing.resolve(response);
}

/** A stream that was broken off: what is still to be said on it goes to the request that asks for it. */
function goOn(request, response, session) {
  if (session?.broken === undefined || request.headers['last-event-id'] !== session.broken.id) {
    response.writeHead(405, { Allow: 'POST, DELETE' }).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  session.broken.resume(response);
}

function deferred() {
  const result = {};
  result.promise = new Promise((resolve) => (result.resolve = resolve));
  return result;
}

/** The ways in which what clients use is answered by one message. */
const AT_ONCE = ['json', 'standing', 'tasks'];

const event = (message) => `data: ${JSON.stringify(message)}\n\n`;

async function take(response, peer, id, message) {
  const session = peer.sessions.get(id) ?? { waiting: new Waiting() };
  if (message.method === undefined) session.waiting.answered(message);
  if (message.method === undefined || message.id === undefined) {
    response.writeHead(202).end();
    return;
  }
  if (message.method === 'initialize') {
    session.id = `${peer.sessions.size}`;
    session.standing = deferred();
    peer.sessions.set(session.id, session);
  }
  if (message.method === 'subscriptions/listen') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    peer.listen(message, (said) => response.write(event({ jsonrpc: '2.0', ...said })));
    return;
  }
  const answer = async (ask) => ({ jsonrpc: '2.0', id: message.id, ...await peer.outcome(message, ask) });
  const isStream = USES.includes(message.method) ? !AT_ONCE.includes(peer.mode) : message.method === 'tasks/result';
  if (!isStream) {
    const fields = session.id === undefined ? {} : { 'Mcp-Session-Id': session.id };
    const send = async (question) => (await session.standing.promise).write(event(question));
    const text = JSON.stringify(await answer((question) => session.waiting.ask(question, send)));
    response.writeHead(200, { 'Content-Type': 'application/json', ...fields }).end(text);
    goOnLater(peer);
  } else {
    await stream(response, peer.mode, session, message, answer);
  }
}

async function stream(response, mode, session, message, answer) {
  let link = response;
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  if (mode === 'broken') {
    session.events = (session.events ?? 0) + 1;
    const id = `event-${session.events}`;
    const resumed = new Promise((resume) => (session.broken = { id, resume }));
    response.end(`id: ${id}\nretry: 1\ndata: \n\n`);
    link = await resumed;
  }
  if (mode === 'progress') {
    const { progressToken } = message.params._meta;
    link.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }));
  }
  const send = (question) => link.write(event(packed(mode, question)));
  link.end(event(packed(mode, await answer((question) => session.waiting.ask(question, send)))));
}

async function serveLines(revision, mode, file) {
  const peer = new Peer(revision, mode);
  const waiting = new Waiting();
  const send = (message) => process.stdout.write(`${JSON.stringify(packed(mode, message))}\n`);
  peer.heard = { push: (heard) => fs.appendFileSync(file, `${JSON.stringify(heard)}\n`) };
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.method === undefined) {
      waiting.answered(message);
    } else if (message.id !== undefined) {
      peer.outcome(message, (question) => waiting.ask(question, send))
        .then((outcome) => send({ jsonrpc: '2.0', id: message.id, ...outcome }))
        .then(() => goOnLater(peer));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serveLines(...process.argv.slice(2));
