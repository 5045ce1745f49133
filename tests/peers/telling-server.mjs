// A server of the official SDK, version 1, that tells and asks what belongs to no call: a resource that changes, lists
// that change, and a question that comes when the call that caused it is over. `http` listens on a loopback port and
// prints where; `stdio` speaks on its standard streams.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';

import { serve } from './v1-serving.mjs';

const scheme = process.argv[2] === 'stdio' ? 'child' : 'note';
const NOTES = ['open/1', 'open/2', 'secret/1'].map((path) => `${scheme}:///${path}`);
const FORM = { message: 'who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } };

function newServer() {
  const server = new McpServer({ name: 'telling', version: '1.0.0' }, { capabilities: { resources: { subscribe: true } } });
  const subscribed = new Set();
  const heard = [];
  const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
  for (const uri of NOTES) {
    server.registerResource(uri, uri, {}, () => ({ contents: [{ uri, text: uri }] }));
  }
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
  server.registerTool('touch', { description: 'Changes all notes.' }, async () => {
    for (const uri of NOTES) await server.server.sendResourceUpdated({ uri });
    return text([...subscribed]);
  });
  server.registerTool('grow', { description: 'Adds a tool.' }, () => {
    server.registerTool('added', { description: 'Came later.' }, () => text('added'));
    return text('grown');
  });
  server.registerTool('ask_later', { description: 'Asks when the call is over.' }, () => {
    setImmediate(() => server.server.elicitInput(FORM).then((answer) => heard.push(answer), ({ code }) => heard.push({ code })));
    return text('later');
  });
  server.registerTool('pay', { description: 'Asks to open a page, and says of two that they are done.' }, async () => {
    const answer = await server.server.elicitInput(
      { mode: 'url', message: 'Pay', url: 'https://pay.example/1', elicitationId: 'page-1' });
    await server.server.createElicitationCompletionNotifier('page-2')();
    await server.server.createElicitationCompletionNotifier('page-1')();
    return text(answer.action);
  });
  server.registerTool('heard', { description: 'Tells what was answered.' }, () => text(heard));
  return server;
}

await serve(newServer, process.argv[2]);
