// A client of the official SDK, version 1, that answers what servers ask it by its own name.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

export { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';

/**
 * `asked` are the questions it got, `link` is its transport. capabilities: of these, sampling, elicitation and roots;
 * what it does not declare it does not answer.
 */
export function connectAnswering(url, token, name, capabilities) {
  const options = { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
  const Transport = url.endsWith('/sse') ? SSEClientTransport : StreamableHTTPClientTransport;
  return connectBy(new Transport(new URL(url), options), name, capabilities);
}

/** The same client at the standard streams of a command. */
export function connectAnsweringCommand([command, ...args], env, name) {
  return connectBy(new StdioClientTransport({ command, args, env, stderr: 'ignore' }), name);
}

async function connectBy(link, name, capabilities = { sampling: {}, elicitation: {}, roots: {} }) {
  const client = new Client({ name, version: '1.0.0' }, { capabilities });
  const answers = {
    sampling: [CreateMessageRequestSchema, { role: 'assistant', model: 'none', content: { type: 'text', text: name } }],
    elicitation: [ElicitRequestSchema, { action: 'accept', content: { name } }],
    roots: [ListRootsRequestSchema, { roots: [{ uri: `file:///home/${name}` }, { uri: 'file:///private/keys' }] }],
  };
  client.asked = [];
  for (const capability of Object.keys(capabilities)) {
    const [schema, answer] = answers[capability];
    client.setRequestHandler(schema, (request) => {
      client.asked.push(request);
      return answer;
    });
  }
  client.link = link;
  await client.connect(client.link);
  return client;
}
