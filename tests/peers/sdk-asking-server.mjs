// The official server of the SDK's second version, with tools that ask their client before they answer: `deploy` two
// things at once, the others one and tell what it was. With `stdio` it speaks on its standard streams, else over HTTP, and then says where: `{"listening":"http://127.0.0.1:PORT/mcp"}`.
import http from 'node:http';

import { createMcpHandler, fromJsonSchema, inputRequired, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

import { listen } from './listen.mjs';

const FORM = { type: 'object', properties: { env: { type: 'string' } }, required: ['env'] };

function questions() {
  return {
    env: inputRequired.elicit({ mode: 'form', message: 'Which env?', requestedSchema: FORM }),
    dirs: inputRequired.listRoots(),
  };
}

const SCHEMA = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
const MESSAGES = [{ role: 'user', content: { type: 'text', text: 'who?' } }];
const QUESTIONS = {
  ask_model: () => inputRequired.createMessage({ messages: MESSAGES, maxTokens: 9 }),
  ask_user: () => inputRequired.elicit({ mode: 'form', message: 'who?', requestedSchema: SCHEMA }),
  ask_page: () => inputRequired.elicitUrl({ message: 'who?', url: 'https://login.example.com/in' }),
  ask_roots: () => inputRequired.listRoots(),
};

const NOTES = ['memo:///open/1', 'memo:///secret/1'];
let notify; // who listens; over HTTP only

function createServer() {
  const server = new McpServer({ name: 'sdk-asking', version: '1.0.0' }, { capabilities: { resources: { subscribe: true } } });
  const inputSchema = fromJsonSchema({ type: 'object', properties: {} });
  server.registerTool('deploy', { inputSchema }, async (arguments_, context) => {
    const { inputResponses, requestState } = context.mcpReq;
    if (inputResponses === undefined) return inputRequired({ inputRequests: questions(), requestState: 'round "1"' });
    return { content: [{ type: 'text', text: JSON.stringify({ inputResponses, state: requestState() }) }] };
  });
  for (const uri of NOTES) server.registerResource(uri, uri, {}, () => ({ contents: [{ uri, text: uri }] }));
  server.registerTool('change', { inputSchema }, () => {
    notify.toolsChanged();
    for (const uri of NOTES) notify.resourceUpdated(uri);
    return { content: [{ type: 'text', text: 'changed' }] };
  });
  for (const [name, question] of Object.entries(QUESTIONS)) {
    server.registerTool(name, { inputSchema }, async (arguments_, context) => {
      const { inputResponses } = context.mcpReq;
      if (inputResponses === undefined) return inputRequired({ inputRequests: { it: question() }, requestState: name });
      return { content: [{ type: 'text', text: JSON.stringify(inputResponses.it) }] };
    });
  }
  return server;
}

/** node:http to the web's requests and back. */
async function serve(handler, request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const { url, method, headers } = request;
  const body = pieces.length > 0 ? Buffer.concat(pieces) : undefined;
  const answer = await handler.fetch(new Request(`http://127.0.0.1${url}`, { method, headers, body }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  for await (const piece of answer.body ?? []) response.write(piece);
  response.end();
}

if (process.argv[2] === 'stdio') {
  serveStdio(createServer);
} else {
  const handler = createMcpHandler(createServer);
  notify = handler.notify;
  const server = http.createServer((request, response) => serve(handler, request, response));
  console.log(JSON.stringify({ listening: `http://${await listen(server)}/mcp` }));
}
