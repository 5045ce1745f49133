// A server of the official SDK, version 1, whose tools ask the client and tell what it answered. `http` listens on a
// loopback port and prints where; `stdio` speaks on its standard streams.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CreateMessageResultSchema, ElicitResultSchema, ListRootsResultSchema, UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';

import { serve } from './v1-serving.mjs';

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

await serve(newServer, process.argv[2]);
