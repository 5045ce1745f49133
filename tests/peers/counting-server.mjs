// An MCP server of ours that counts every byte it receives, so a test can see that a refused call never reached it.
// A test may replace the answer to tools/call by raw bytes.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';

import { Answers } from './answers.mjs';
import { listen } from './listen.mjs';

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

export class CountingServer {
  /** `async (response, message) => ...` writes the whole answer to a tools/call; undefined: the usual one. */
  onCall = undefined;
  /** The bodies of all messages received, newest last. */
  messages = [];
  /** The header fields of those, in the same order. */
  fields = [];
  #sockets = new Set();
  #closedBytes = 0;
  #answers;
  #server;
  #scheme;

  /** tls: `{ key, cert }` and further options of node:tls, for https; the rest goes to Answers. */
  constructor({ tls, ...options } = {}) {
    const serve = (request, response) => this.#serve(request, response);
    this.#answers = new Answers(options);
    this.#server = tls === undefined ? http.createServer(serve) : https.createServer(tls, serve);
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  async start() {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#closedBytes += socket.bytesRead;
        this.#sockets.delete(socket);
      });
    });
    this.url = `${this.#scheme}://${await listen(this.#server)}/mcp`;
    return this;
  }

  /** All bytes received since the start. */
  bytes() {
    return [...this.#sockets].reduce((sum, socket) => sum + socket.bytesRead, this.#closedBytes);
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
    const message = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    this.messages.push(message);
    this.fields.push(request.headers);
    if (message.id === undefined) {
      response.writeHead(202).end();
    } else if (message.method === 'tools/call' && this.onCall !== undefined) {
      await this.onCall(response, message);
    } else {
      this.#answer(response, message);
    }
  }

  #answer(response, message) {
    const outcome = this.#answers.outcome(message);
    const isUnknownModern = outcome.error !== undefined && message.params?._meta?.[VERSION_KEY] !== undefined;
    const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome });
    response.writeHead(isUnknownModern ? 404 : 200, { 'Content-Type': 'application/json' }).end(text);
  }
}
