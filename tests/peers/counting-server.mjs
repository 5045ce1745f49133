// An MCP server of ours that counts every byte it receives, so a test can see that a refused call never reached it.
// Speaks revision 2026-07-28 and the ones with a handshake; a test may replace the answer to tools/call by raw bytes.
import { once } from 'node:events';
import http from 'node:http';

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo';
const SERVER_INFO = { name: 'counting', version: '1.0.0' };
const CAPABILITIES = { tools: {} };
const TOOLS = ['read_report', 'résumé', 'forbidden'].map((name) => ({
  name,
  description: `Answers with its own name, ${name}.`,
  inputSchema: { type: 'object', additionalProperties: true },
}));

function results(message) {
  const version = message.params?._meta?.[VERSION_KEY];
  const isModern = version !== undefined;
  const finish = (result) =>
    isModern ? { resultType: 'complete', ...result, _meta: { [SERVER_INFO_KEY]: SERVER_INFO } } : result;
  switch (message.method) {
    case 'initialize':
      return { protocolVersion: message.params.protocolVersion, capabilities: CAPABILITIES, serverInfo: SERVER_INFO };
    case 'ping':
      return {};
    case 'server/discover':
      return finish({ supportedVersions: ['2026-07-28'], capabilities: CAPABILITIES, ttlMs: 60000, cacheScope: 'private' });
    case 'tools/list':
      return finish({ tools: TOOLS, ...(isModern ? { ttlMs: 60000, cacheScope: 'private' } : {}) });
    case 'tools/call':
      return finish({ content: [{ type: 'text', text: message.params.name }] });
    default:
      return undefined;
  }
}

export class CountingServer {
  /** `async (response, message) => ...` writes the whole answer to a tools/call; undefined: the usual one. */
  onCall = undefined;
  /** The bodies of all messages received, newest last. */
  messages = [];
  #sockets = new Set();
  #closedBytes = 0;
  #server = http.createServer((request, response) => this.#serve(request, response));

  async start() {
    this.#server.keepAliveTimeout = 60000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#closedBytes += socket.bytesRead;
        this.#sockets.delete(socket);
      });
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}/mcp`;
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
    if (message.id === undefined) {
      response.writeHead(202).end();
    } else if (message.method === 'tools/call' && this.onCall !== undefined) {
      await this.onCall(response, message);
    } else {
      this.#answer(response, message);
    }
  }

  #answer(response, message) {
    const result = results(message);
    const outcome = result === undefined ? { error: { code: -32601, message: 'method not found' } } : { result };
    const isUnknownModern = result === undefined && message.params?._meta?.[VERSION_KEY] !== undefined;
    const status = isUnknownModern ? 404 : 200;
    const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome });
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(text);
  }
}
