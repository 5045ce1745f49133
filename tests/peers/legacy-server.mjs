// An official server of the SDK's first version that tells what it was told: over HTTP with SSE at /sse, and over
// Streamable HTTP with sessions at /mcp. Says where: `{"listening":"http://127.0.0.1:PORT"}`.
// Tools: `echo`; `ask` asks the client's user and gives the answer; `wait` ends when it is cancelled; `told` lists what
// happened to calls and sessions so far.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

import { listen } from './listen.mjs';

const FORM = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
const told = [];
const streams = new Map();
const sessions = new Map();

const text = (value) => ({ content: [{ type: 'text', text: value }] });

function createServer() {
  const server = new McpServer({ name: 'legacy', version: '1.0.0' });
  server.registerTool('echo', { inputSchema: { message: z.string() } }, ({ message }) => text(message));
  server.registerTool('told', {}, () => text(JSON.stringify(told)));
  server.registerTool('ask', {}, async () => {
    return text(JSON.stringify(await server.server.elicitInput({ message: 'who?', requestedSchema: FORM })));
  });
  server.registerTool('wait', {}, ({ signal }) => new Promise((resolve) => {
    told.push('waits');
    signal.addEventListener('abort', () => {
      told.push('cancelled');
      resolve(text('cancelled'));
    });
  }));
  return server;
}

async function openStream(response) {
  const transport = new SSEServerTransport('/messages', response);
  streams.set(transport.sessionId, transport);
  transport.onclose = () => {
    told.push('stream closed');
    streams.delete(transport.sessionId);
  };
  await createServer().connect(transport);
}

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString('utf8'));
}

async function transportOf(request, body) {
  if (!isInitializeRequest(body)) return sessions.get(request.headers['mcp-session-id']);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => {
      told.push('session ended');
      sessions.delete(id);
    },
  });
  await createServer().connect(transport);
  return transport;
}

async function serve(request, response) {
  const url = new URL(request.url, 'http://127.0.0.1');
  if (request.method === 'GET' && url.pathname === '/sse') return openStream(response);
  if (request.method === 'POST' && url.pathname === '/messages') {
    const stream = streams.get(url.searchParams.get('sessionId'));
    if (stream !== undefined) return stream.handlePostMessage(request, response);
  }
  if (url.pathname === '/mcp') {
    const body = await bodyOf(request);
    const transport = await transportOf(request, body);
    if (transport !== undefined) return transport.handleRequest(request, response, body);
  }
  return response.writeHead(404, { 'Content-Type': 'text/html' }).end('<p>Cannot serve this</p>');
}

console.log(JSON.stringify({ listening: `http://${await listen(http.createServer(serve))}` }));
