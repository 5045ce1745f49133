// An MCP server of ours that wants tokens: any for most, one with the scope `mcp:admin` for the tool `administrate`, and
// others of another sign-in (RFC 9470).
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';

import { Answers, FREE_TOOLS } from './answers.mjs';
import { listen } from './listen.mjs';

/** What is wanted for a tool besides any token; `isContent(token, old)` says whether this one will do. */
const WANTS = {
  administrate: {
    status: 403,
    challenge: 'Bearer error="insufficient_scope", scope="mcp:admin"',
    isContent: (token) => scopesOf(token).includes('mcp:admin'),
  },
  'administrate-401': {
    status: 401,
    challenge: 'Bearer error="insufficient_scope", scope="mcp:admin"',
    isContent: (token) => scopesOf(token).includes('mcp:admin'),
  },
  sign: {
    status: 401,
    challenge: 'Bearer error="insufficient_user_authentication", acr_values="gold platinum", max_age="600"',
    isContent: (token, old) => !old.has(token),
  },
  'sign-claims': {
    status: 401,
    challenge: `Bearer error="insufficient_claims", claims="${Buffer.from('{"access_token":{}}').toString('base64')}"`,
    isContent: (token, old) => !old.has(token),
  },
  'sign-in-vain': { status: 401, challenge: 'Bearer error="insufficient_user_authentication", acr_values="gold"', isContent: () => false },
  'sign-now': { status: 401, challenge: 'Bearer error="insufficient_user_authentication", max_age=0', isContent: () => false },
  'sign-somehow': { status: 401, challenge: 'Bearer error="insufficient_user_authentication"', isContent: () => false },
  'sign-broken': { status: 403, challenge: 'Bearer error="insufficient_user_authentication", max_age="soon"', isContent: () => false },
  'sign-no-claims': { status: 401, challenge: 'Bearer error="insufficient_claims", claims="%%"', isContent: () => false },
};
const scopesOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).scope.split(' ');

export class ProtectedServer {
  #server;
  #scheme;
  #answers = new Answers({ tools: [...FREE_TOOLS, ...Object.keys(WANTS).map((name) => ({ ...FREE_TOOLS[0], name }))] });
  #old = new Set();
  #issuer;
  /** The tokens that came, newest last. */
  tokens = [];

  /** tls: `cert` and `key`, to be spoken to with TLS. */
  constructor(issuer, tls) {
    const serve = (request, response) => this.#serve(request, response);
    this.#server = tls === undefined ? http.createServer(serve) : https.createServer(tls, serve);
    this.#scheme = tls === undefined ? 'http' : 'https';
    this.#issuer = issuer;
  }

  async start() {
    this.origin = `${this.#scheme}://${await listen(this.#server)}`;
    this.url = `${this.origin}/mcp`;
    return this;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** The tokens that came so far are not of the sign-in that some tools want. */
  age() {
    this.#old = new Set(this.tokens);
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
    const want = message.method === 'tools/call' ? WANTS[message.params.name] : undefined;
    if (want !== undefined && !want.isContent(token, this.#old)) {
      response.writeHead(want.status, { 'Content-Type': 'application/json', 'WWW-Authenticate': want.challenge }).end('{}');
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
