// Serves the official SDK, version 2, in both eras at one address; prints where it listens.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { WebStandardStreamableHTTPServerTransport, isLegacyRequest } from '@modelcontextprotocol/server';

import { listen } from './listen.mjs';

/** newLegacy: makes the server of a session with a handshake; modern: the handler of everything else, of the SDK. */
export async function serve(newLegacy, modern) {
  const transports = new Map();

  async function serveLegacy(request) {
    let transport = transports.get(request.headers.get('mcp-session-id'));
    if (transport === undefined) {
      transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => transports.set(id, transport),
        onsessionclosed: (id) => transports.delete(id),
      });
      await newLegacy().connect(transport);
    }
    return transport.handleRequest(request);
  }

  /** node:http to the web's requests and back; a client that leaves is told of. */
  async function answer(request, response) {
    const left = new AbortController();
    response.on('close', () => left.abort());
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = pieces.length > 0 ? Buffer.concat(pieces) : undefined;
    const { url, method, headers } = request;
    const asked = new Request(`http://127.0.0.1${url}`, { method, headers, body, signal: left.signal });
    const given = await (await isLegacyRequest(asked) ? serveLegacy(asked) : modern.fetch(asked));
    response.writeHead(given.status, Object.fromEntries(given.headers));
    response.flushHeaders();
    const reader = given.body?.getReader();
    left.signal.addEventListener('abort', () => reader?.cancel().catch(() => {}));
    for (let piece = await reader?.read(); piece !== undefined && !piece.done; piece = await reader.read()) response.write(piece.value);
    response.end();
  }

  const listener = http.createServer((request, response) => answer(request, response).catch(() => response.destroy()));
  console.log(JSON.stringify({ listening: `http://${await listen(listener)}/mcp` }));
}
