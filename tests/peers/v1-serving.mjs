// How our servers on version 1 of the official SDK are reached: `serve(newServer)` listens on a loopback port, with one
// server for each session, and prints `{"listening":"http://127.0.0.1:PORT/mcp"}`; with 'stdio' behind it there is one, on
// the standard streams.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

import { listen } from './listen.mjs';

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
  const listener = http.createServer(async (request, response) => {
    await (await transportOf(request.headers['mcp-session-id'])).handleRequest(request, response);
  });
  console.log(JSON.stringify({ listening: `http://${await listen(listener)}/mcp` }));
}
