// A server of the official SDK, version 1, whose tools ask the client and tell what it answered. `http` listens on a
// loopback port and prints where; `stdio` speaks on its standard streams.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CreateMessageResultSchema, ElicitResultSchema, ListRootsResultSchema, UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';

const QUESTIONS = {
  ask_model: [
    { method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: 'who?' } }], maxTokens: 9 } },
    CreateMessageResultSchema,
  ],
  ask_user: [
    {
      method: 'elicitation/create',
      params: { message: 'who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
    },
    ElicitResultSchema,
  ],
  ask_page: [
    { method: 'elicitation/create', params: { mode: 'url', message: 'who?', url: 'https://login.example.com/in', elicitationId: 'e' } },
    ElicitResultSchema,
  ],
  ask_roots: [{ method: 'roots/list' }, ListRootsResultSchema],
};

let pageCalls = 0; // of all sessions

function newServer() {
  const server = new McpServer({ name: 'asking', version: '1.0.0' });
  for (const [name, [question, schema]] of Object.entries(QUESTIONS)) {
    server.registerTool(name, { description: 'Asks the client.' }, async (extra) => {
      const answer = await extra.sendRequest(question, schema).catch(({ code }) => ({ code }));
      return { content: [{ type: 'text', text: JSON.stringify(answer) }] };
    });
  }
  server.registerTool('need_page', { description: 'Works every second time, after a page was opened.' }, () => {
    if (pageCalls++ % 2 === 0) {
      throw new UrlElicitationRequiredError([{ mode: 'url', message: 'who?', url: 'https://login.example.com/in', elicitationId: 'e' }]);
    }
    return { content: [{ type: 'text', text: '"opened"' }] };
  });
  server.registerTool('ask_nobody', { description: 'Asks nothing.' }, () => ({ content: [{ type: 'text', text: 'nothing' }] }));
  return server;
}

const transports = new Map();

async function serve(request, response) {
  let transport = transports.get(request.headers['mcp-session-id']);
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => transports.set(id, transport),
      onsessionclosed: (id) => transports.delete(id),
    });
    await newServer().connect(transport);
  }
  await transport.handleRequest(request, response);
}

if (process.argv[2] === 'stdio') {
  await newServer().connect(new StdioServerTransport());
} else {
  const listener = http.createServer(serve).listen(0, '127.0.0.1', () =>
    console.log(JSON.stringify({ listening: `http://127.0.0.1:${listener.address().port}/mcp` })));
}
