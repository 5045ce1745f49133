// How our servers on version 1 of the official SDK are reached: `serve(newServer)` listens on a loopback port, with one
// server for each session, and prints `{"listening":"http://127.0.0.1:PORT/mcp"}`; with 'stdio' behind it there is one, on
// the standard streams.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const KEEP_ALIVE_MS = 600000; // a connection that ends just when it is used again would fail a call

export async function serve(newServer, over = 'http') {
  if (over === 'stdio') {
    await newServer().connect(new StdioServerTransport());
    return;
  }
  const transports = new Map();
  const transportOf = async (session) => {
    if (transports.has(session)) return transports.get(session);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => transports.set(id, transport),
      onsessionclosed: (id) => transports.delete(id),
    });
    await newServer().connect(transport);
    return transport;
  };
  const listener = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, async (request, response) => {
    await (await transportOf(request.headers['mcp-session-id'])).handleRequest(request, response);
  });
  listener.listen(0, '127.0.0.1', () =>
    console.log(JSON.stringify({ listening: `http://127.0.0.1:${listener.address().port}/mcp` })));
}
