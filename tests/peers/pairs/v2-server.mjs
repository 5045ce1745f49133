// The pairs' server on the official SDK, version 2, in both eras at one address: v2-server.mjs NAME. It prints where it
// listens. Its tools ask in one way; the SDK makes requests of that for clients of older revisions.
import { McpServer, createMcpHandler, fromJsonSchema, inputRequired } from '@modelcontextprotocol/server';

import { serve } from '../v2-serving.mjs';
import { FORM, MESSAGES, cancelled, quoting, text, waitForEnd } from './shared.mjs';

const [name] = process.argv.slice(2);
const uri = `pair://${name}/text`;
const of = (...names) => fromJsonSchema({
  type: 'object', properties: Object.fromEntries(names.map((each) => [each, { type: 'string' }])), required: names,
});

const QUESTIONS = {
  ask_model: [inputRequired.createMessage({ messages: MESSAGES, maxTokens: 9 }), ({ content }) => content.text],
  ask_about: [inputRequired.createMessage({ messages: quoting(name), maxTokens: 9 }), ({ content }) => content.text],
  ask_user: [inputRequired.elicit({ mode: 'form', message: 'who?', requestedSchema: FORM }), ({ content }) => content.name],
  ask_roots: [inputRequired.listRoots(), ({ roots }) => roots.map(({ uri }) => uri).join()],
};

/** subscribe: adds what the server of a session needs for subscriptions, and returns how it tells of a change. */
function newServer(subscribe) {
  const server = new McpServer({ name, version: '1.0.0' }, { capabilities: { resources: { subscribe: true } } });
  const touch = subscribe(server.server);
  const tell = ({ mcpReq }, progress) => mcpReq.notify(
    { method: 'notifications/progress', params: { progressToken: mcpReq._meta.progressToken, progress } });
  server.registerTool('echo', { inputSchema: of('text') }, (given) => text(given.text));
  for (const [tool, [question, read]] of Object.entries(QUESTIONS)) {
    server.registerTool(tool, { inputSchema: of() }, async (given, { mcpReq }) => {
      const answers = mcpReq.inputResponses;
      return answers === undefined ? inputRequired({ inputRequests: { question } }) : text(read(answers.question));
    });
  }
  server.registerTool('count', { inputSchema: of() }, async (given, context) => {
    for (const progress of [1, 2, 3]) await tell(context, progress);
    return text('counted');
  });
  server.registerTool('wait', { inputSchema: of('key') }, async ({ key }, context) => {
    await tell(context, 1);
    await waitForEnd(key, context.mcpReq.signal);
    return text('ended');
  });
  server.registerTool('was_cancelled', { inputSchema: of('key') }, ({ key }) => text(`${cancelled.has(key)}`));
  server.registerTool('touch', { inputSchema: of() }, async () => {
    await touch();
    return text('touched');
  });
  server.registerResource('text', uri, {}, ({ href }) => ({ contents: [{ uri: href, text: 'a text' }] }));
  server.registerPrompt('greet', { argsSchema: of('whom') }, ({ whom }) => (
    { messages: [{ role: 'user', content: { type: 'text', text: `hello ${whom}` } }] }));
  return server;
}

function subscribeInSession(server) {
  const subscribed = new Set();
  server.setRequestHandler('resources/subscribe', ({ params }) => subscribed.add(params.uri) && {});
  server.setRequestHandler('resources/unsubscribe', ({ params }) => subscribed.delete(params.uri) && {});
  return () => Promise.all([...subscribed].map((each) => server.sendResourceUpdated({ uri: each })));
}

const modern = createMcpHandler(() => newServer(() => () => modern.notify.resourceUpdated(uri)), { legacy: 'reject' });
serve(() => newServer(subscribeInSession), modern);
