// An MCP server of ours that wants tokens: any for most, one with the scope `mcp:admin` for the tool `administrate`.
import { once } from 'node:events';
import http from 'node:http';

import { Answers, FREE_TOOLS } from './answers.mjs';

export class ProtectedServer {
  #server = http.createServer((request, response) => this.#serve(request, response));
  #answers = new Answers({ tools: [...FREE_TOOLS, { ...FREE_TOOLS[0], name: 'administrate' }] });
  #issuer;
  /** The tokens that came, newest last. */
  tokens = [];

  constructor(issuer) {
    this.#issuer = issuer;
  }

  async start() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.origin = `http://127.0.0.1:${this.#server.address().port}`;
    this.url = `${this.origin}/mcp`;
    return this;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** The metadata is of the whole host, and found without being named. */
  async #serve(request, response) {
    if (request.url === '/.well-known/oauth-protected-resource') {
      const metadata = { resource: this.origin, authorization_servers: [this.#issuer], scopes_supported: ['mcp:call'] };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(metadata));
      return;
    }
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    if (request.url !== '/mcp' || request.method !== 'POST') {
      response.writeHead(request.url === '/mcp' ? 405 : 404).end();
      return;
    }
    this.#answer(JSON.parse(Buffer.concat(pieces).toString('utf8')), request.headers.authorization, response);
  }

  #answer(message, authorization, response) {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x, Bearer", Bearer realm="aegis"' }).end();
      return;
    }
    this.tokens.push(token);
    const { scope } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    if (message.params?.name === 'administrate' && !scope.split(' ').includes('mcp:admin')) {
      const challenge = 'Bearer error="insufficient_scope", scope="mcp:admin"';
      response.writeHead(403, { 'Content-Type': 'application/json', 'WWW-Authenticate': challenge }).end('{}');
      return;
    }
    if (message.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...this.#answers.outcome(message) });
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
  }
}
