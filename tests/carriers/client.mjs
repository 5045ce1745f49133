// The clients of the matrix: one session each, which makes requests one after the other and answers what it is asked
// meanwhile. They read the wire themselves, so that every revision and way can be driven.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { SANITIZERS, aegisBinary } from '../peers/support.mjs';
import { MODERN } from './table.mjs';

const CAPABILITIES = { sampling: {}, roots: {}, elicitation: {} };
const INFO = { name: 'carriers', version: '1.0.0' };

class Client {
  #pending = new Map();
  #last = -1; // ids begin where those of servers do

  constructor(revision) {
    this.revision = revision;
    this.isModern = revision === MODERN;
  }

  /** Sends the messages of one POST, or one line. */
  async send() {
    throw new Error('of the ways');
  }

  async handshake() {
    if (this.isModern) return this;
    const { result, error } = await this.request('initialize', { protocolVersion: this.revision, capabilities: CAPABILITIES, clientInfo: INFO });
    if (result?.protocolVersion !== this.revision) throw new Error(`the session is not of ${this.revision}: ${JSON.stringify(result ?? error)}`);
    await this.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return this;
  }

  /** Makes a request and answers by `said` whatever it is asked; returns what came of it, the questions, and the progress. */
  async use({ method, params }, said) {
    this.asked = [];
    this.told = [];
    this.said = said;
    let outcome = await this.request(method, params);
    while (outcome.result?.resultType === 'input_required') {
      const { inputRequests, requestState } = outcome.result;
      const questions = Object.entries(inputRequests);
      this.asked.push(...questions.map(([, question]) => question));
      const inputResponses = Object.fromEntries(questions.map(([key]) => [key, said]));
      outcome = await this.request(method, { ...params, inputResponses, requestState });
    }
    if (outcome.result?.task !== undefined) outcome = await this.request('tasks/result', { taskId: outcome.result.task.taskId });
    if (outcome.result?.resultType === 'task') outcome = await this.follow(outcome.result.taskId);
    return { ...outcome, asked: this.asked, told: this.told };
  }

  /** Looks at a task of the extension until it is over, and answers what it asks. */
  async follow(taskId) {
    for (;;) {
      const { result, error } = await this.request('tasks/get', { taskId });
      if (error !== undefined) return { error };
      if (result.status === 'completed') return { result: result.result };
      await this.answer(taskId, result);
    }
  }

  /** Answers what a task asks in its state. */
  async answer(taskId, { inputRequests }) {
    const questions = Object.entries(inputRequests ?? {});
    if (questions.length === 0) return;
    this.asked.push(...questions.map(([, question]) => question));
    await this.request('tasks/update', { taskId, inputResponses: Object.fromEntries(questions.map(([key]) => [key, this.said])) });
  }

  async request(method, params) {
    const message = this.newRequest(method, params);
    const answer = new Promise((resolve) => this.#pending.set(message.id, resolve));
    await this.send(message);
    return answer;
  }

  newRequest(method, params) {
    const id = ++this.#last;
    return { jsonrpc: '2.0', id, method, params: { ...params, ...this.#meta(method, id) } };
  }

  #meta(method, id) {
    const token = ['tools/call', 'prompts/get', 'resources/read'].includes(method) ? { progressToken: `mine-${id}` } : {};
    if (!this.isModern) return Object.keys(token).length > 0 ? { _meta: token } : {};
    return {
      _meta: {
        ...token,
        'io.modelcontextprotocol/protocolVersion': this.revision,
        'io.modelcontextprotocol/clientInfo': INFO,
        'io.modelcontextprotocol/clientCapabilities': { ...CAPABILITIES, ...this.extensions },
      },
    };
  }

  receive(message) {
    if (Array.isArray(message)) {
      message.forEach((each) => this.receive(each));
    } else if (message.method === undefined) {
      const { result, error } = message;
      this.#pending.get(message.id)?.(error === undefined ? { result } : { error });
      this.#pending.delete(message.id);
    } else if (message.method === 'notifications/progress') {
      this.told.push(message.params);
    } else if (message.id !== undefined && message.method !== 'ping') {
      const { method, params } = message;
      this.asked.push(params === undefined ? { method } : { method, params });
      void this.send({ jsonrpc: '2.0', id: message.id, result: this.said });
    }
  }
}

class HttpClient extends Client {
  constructor(revision, url, token) {
    super(revision);
    this.url = url;
    this.fields = { Authorization: `Bearer ${token}`, Accept: 'application/json, text/event-stream' };
  }

  async send(message) {
    const response = await this.post(message);
    await this.take(response);
  }

  async post(message) {
    const { method, params } = message;
    const name = params?.name ?? params?.uri ?? params?.taskId;
    const mirrored = { 'Mcp-Method': method, ...(name === undefined ? {} : { 'Mcp-Name': name }) };
    const response = await fetch(this.url, {
      method: 'POST',
      headers: {
        ...this.fields, 'Content-Type': 'application/json', ...(this.isModern ? mirrored : {}),
        ...(method === 'initialize' ? {} : { 'MCP-Protocol-Version': this.revision }),
      },
      body: JSON.stringify(this.packed(message)),
    });
    const session = response.headers.get('mcp-session-id');
    if (session !== null) this.fields['Mcp-Session-Id'] = session;
    return response;
  }

  packed(message) {
    return message;
  }

  async take(response) {
    if (isStream(response)) {
      for await (const { data } of eventsOf(response)) this.#hear(data);
    } else {
      this.#hear(await response.text());
    }
  }

  /** Leaves the stream at the first event from which it can be gone on with, and asks for the rest. */
  async takeInTwo(response) {
    let left;
    for await (const { id, data } of eventsOf(response)) {
      this.#hear(data);
      left = id;
      if (left !== undefined) break;
    }
    const fields = { ...this.fields, Accept: 'text/event-stream', 'MCP-Protocol-Version': this.revision, 'Last-Event-ID': left };
    await this.take(await fetch(this.url, { headers: fields }));
  }

  #hear(text) {
    if (text !== '') this.receive(JSON.parse(text));
  }

  async close() {
    if (!this.isModern) await fetch(this.url, { method: 'DELETE', headers: this.fields });
  }
}

class LeavingClient extends HttpClient {
  async send(message) {
    const response = await this.post(message);
    await (isStream(response) ? this.takeInTwo(response) : this.take(response));
  }
}

/** Takes the answers to its calls as tasks. */
class TaskingClient extends HttpClient {
  extensions = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

  use({ method, params }, said) {
    return super.use({ method, params: this.isModern ? params : { ...params, task: { ttl: 60000 } } }, said);
  }
}

/** Is told of its tasks. */
class ToldClient extends TaskingClient {
  async follow(taskId) {
    const response = await this.post(this.newRequest('subscriptions/listen', { notifications: { taskIds: [taskId] } }));
    for await (const { data } of eventsOf(response)) {
      const { method, params } = JSON.parse(data);
      if (method !== 'notifications/tasks') continue;
      if (params.status === 'completed') return { result: params.result };
      if (params.status === 'cancelled') return { result: { status: params.status } };
      await this.answer(taskId, params);
    }
    throw new Error('the task was not told to its end');
  }
}

/** Listens on the stream of its session. */
class ListeningClient extends HttpClient {
  async handshake() {
    await super.handshake();
    this.leave = new AbortController();
    const headers = { ...this.fields, Accept: 'text/event-stream', 'MCP-Protocol-Version': this.revision };
    const response = await fetch(this.url, { headers, signal: this.leave.signal });
    this.reading = this.take(response).catch(() => {});
    return this;
  }

  async close() {
    this.leave.abort();
    await this.reading;
    await super.close();
  }
}

/** Packs into batches what may be: not the handshake, and no request that needs a stream to be asked on. */
class BatchingClient extends HttpClient {
  packed(message) {
    const isAlone = /^(initialize|notifications\/)/.test(message.method ?? '') || (message.method !== undefined && this.said !== undefined);
    return isAlone ? message : [message, { jsonrpc: '2.0', id: `ping-${message.id}`, method: 'ping' }];
  }
}

/** HTTP with SSE: all that it is told comes on one stream. */
class SseClient extends Client {
  constructor(revision, url, token) {
    super(revision);
    this.url = url.replace(/mcp$/, 'sse');
    this.fields = { Authorization: `Bearer ${token}` };
  }

  async handshake() {
    this.leave = new AbortController();
    const response = await fetch(this.url, { headers: { ...this.fields, Accept: 'text/event-stream' }, signal: this.leave.signal });
    const events = eventsOf(response);
    this.address = new URL((await events.next()).value.data, this.url);
    this.reading = (async () => {
      for await (const { data } of events) this.receive(JSON.parse(data));
    })().catch(() => {});
    return super.handshake();
  }

  async send(message) {
    const headers = { ...this.fields, 'Content-Type': 'application/json' };
    await (await fetch(this.address, { method: 'POST', headers, body: JSON.stringify(message) })).text();
  }

  async close() {
    this.leave.abort();
    await this.reading;
  }
}

/** `aegis wrap` in front of a server's program. */
class WrapClient extends Client {
  constructor(revision, arguments_) {
    super(revision);
    this.child = spawn(aegisBinary, arguments_, { env: { PATH: process.env.PATH, ...SANITIZERS }, stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.receive(JSON.parse(line)));
  }

  async send(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  async close() {
    const exit = once(this.child, 'exit');
    this.child.stdin.end();
    await exit;
  }
}

const CLIENTS = { http: HttpClient, leaving: LeavingClient, listening: ListeningClient, tasking: TaskingClient, told: ToldClient, batching: BatchingClient, sse: SseClient, wrap: WrapClient };

/** kind: as the table says it; where: the address and token, or the arguments of `aegis`. */
export function connect(kind, revision, ...where) {
  return new CLIENTS[kind](revision, ...where).handshake();
}

const isStream = (response) => (response.headers.get('content-type') ?? '').startsWith('text/event-stream');

/** The events of a stream; Aegis writes one line of data for each. */
async function* eventsOf(response) {
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (text + piece).split('\n\n');
    text = events.pop();
    for (const event of events) {
      const line = (name) => event.split('\n').find((each) => each.startsWith(`${name}:`))?.slice(name.length + 1).trimStart();
      const data = line('data');
      if (data !== undefined) yield { id: line('id'), data };
    }
  }
}
