// The pairs' server on the official SDK, version 1: v1-server.mjs NAME. It prints where it listens.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CreateMessageResultSchema, ElicitResultSchema, ListRootsResultSchema, SubscribeRequestSchema, UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

import { serve } from '../v1-serving.mjs';
import { FORM, MESSAGES, cancelled, quoting, text, waitForEnd } from './shared.mjs';

const [name] = process.argv.slice(2);
const uri = `pair://${name}/text`;

function newServer() {
  const server = new McpServer({ name, version: '1.0.0' }, { capabilities: { resources: { subscribe: true } } });
  const subscribed = new Set();
  const key = { inputSchema: { key: z.string() } };
  const tell = (extra, progress) =>
    extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress } });
  server.registerTool('echo', { inputSchema: { text: z.string() } }, (given) => text(given.text));
  for (const [tool, messages] of [['ask_model', MESSAGES], ['ask_about', quoting(name)]]) {
    server.registerTool(tool, {}, async (extra) => {
      const { content } = await extra.sendRequest(
        { method: 'sampling/createMessage', params: { messages, maxTokens: 9 } }, CreateMessageResultSchema);
      return text(content.text);
    });
  }
  server.registerTool('ask_user', {}, async (extra) => {
    const params = { message: 'who?', requestedSchema: FORM };
    const { content } = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema);
    return text(content.name);
  });
  server.registerTool('ask_roots', {}, async (extra) => {
    const { roots } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema);
    return text(roots.map(({ uri }) => uri).join());
  });
  server.registerTool('count', {}, async (extra) => {
    for (const progress of [1, 2, 3]) await tell(extra, progress);
    return text('counted');
  });
  server.registerTool('wait', key, async (given, extra) => {
    await tell(extra, 1);
    await waitForEnd(given.key, extra.signal);
    return text('ended');
  });
  server.registerTool('was_cancelled', key, (given) => text(`${cancelled.has(given.key)}`));
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => subscribed.add(params.uri) && {});
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => subscribed.delete(params.uri) && {});
  server.registerTool('touch', {}, async () => {
    for (const each of subscribed) await server.server.sendResourceUpdated({ uri: each });
    return text('touched');
  });
  server.registerResource('text', uri, {}, ({ href }) => ({ contents: [{ uri: href, text: 'a text' }] }));
  server.registerPrompt('greet', { argsSchema: { whom: z.string() } }, ({ whom }) => (
    { messages: [{ role: 'user', content: { type: 'text', text: `hello ${whom}` } }] }));
  return server;
}

await serve(newServer);
