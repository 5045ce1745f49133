// What the MCP servers of ours answer: revision 2026-07-28 and the ones with a handshake, whatever the transport.
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo';
const SERVER_INFO = { name: 'aegis-peer', version: '1.0.0' };
const CAPABILITIES = { tools: {}, resources: {}, prompts: {} };
const MODERN = '2026-07-28';
const NO_METHOD = { code: -32601, message: 'method not found' };

function tool(name, inputSchema) {
  return { name, description: `Answers with its own name, ${name}.`, inputSchema };
}

/** The tools of a server that says nothing about their arguments. */
export const FREE_TOOLS = ['read_report', 'résumé', 'forbidden']
  .map((name) => tool(name, { type: 'object', additionalProperties: true }));

/** A tool that asks what its arguments say: `questions` for the client, and `state`; then it tells what it got. */
export const ASKING_TOOL = tool('ask', { type: 'object', additionalProperties: true });

function ask({ arguments: { questions, state } = {}, inputResponses, requestState }) {
  if (inputResponses === undefined) {
    return { resultType: 'input_required', inputRequests: questions, ...(state === undefined ? {} : { requestState: state }) };
  }
  return { content: [{ type: 'text', text: JSON.stringify({ inputResponses, requestState }) }] };
}

/** One tool for each way a schema may speak of an amount. */
export const AMOUNT_TOOLS = Object.entries({
  pay_integer: { type: 'integer' },
  pay_number: { type: 'number' },
  pay_nullable: { type: ['number', 'null'] },
  pay_either: { anyOf: [{ type: 'number' }, { type: 'string' }] },
  pay_text: { type: 'string' },
  pay_list: { type: 'array', items: { type: 'integer' } },
  pay_nested: { type: 'object', properties: { amount: { type: 'integer' } } },
  pay_untyped: {},
}).map(([name, amount]) => tool(name, { type: 'object', properties: { amount } }));

const isModern = ({ params }) => params?._meta?.[VERSION_KEY] !== undefined;

const RESOURCES = [
  { uri: 'note://peer/open', name: 'open', mimeType: 'text/plain' },
  { uri: 'note://peer/closed', name: 'closed', mimeType: 'text/plain' },
];
const TEMPLATES = [{ uriTemplate: 'note://peer/by-id/{id}', name: 'by id', mimeType: 'text/plain' }];
const PROMPTS = [{ name: 'greet', description: 'Greets.', arguments: [{ name: 'whom', required: true }] }, { name: 'closed' }];

export class Answers {
  /** pageSize: items in one answer to a list; eras: which of 'legacy' and 'modern' are spoken. */
  constructor({ tools = FREE_TOOLS, pageSize = Infinity, eras = ['legacy', 'modern'] } = {}) {
    Object.assign(this, { tools, pageSize, eras });
  }

  /** Is it of an era that is spoken? */
  speaks(message) {
    return this.eras.includes(isModern(message) ? 'modern' : 'legacy');
  }

  /** The outcome of a request: `{ result }` or `{ error }`, as members of the answer. */
  outcome(message) {
    if (!this.speaks(message)) return { error: NO_METHOD };
    const result = this.#result(message, isModern(message));
    if (result === undefined) return { error: NO_METHOD };
    return { result: isModern(message) ? { resultType: 'complete', ...result, _meta: { [SERVER_INFO_KEY]: SERVER_INFO } } : result };
  }

  #result({ method, params }, isModern) {
    const cached = isModern ? { ttlMs: 60000, cacheScope: 'public' } : {};
    switch (method) {
      case 'initialize':
        return { protocolVersion: params.protocolVersion, capabilities: CAPABILITIES, serverInfo: SERVER_INFO };
      case 'ping':
        return {};
      case 'server/discover':
        return { supportedVersions: [MODERN], capabilities: CAPABILITIES, ...cached };
      case 'tools/list':
        return { ...this.#page('tools', this.tools, params), ...cached };
      case 'resources/list':
        return { ...this.#page('resources', RESOURCES, params), ...cached };
      case 'resources/templates/list':
        return { ...this.#page('resourceTemplates', TEMPLATES, params), ...cached };
      case 'prompts/list':
        return { ...this.#page('prompts', PROMPTS, params), ...cached };
      case 'tools/call':
        return params.name === ASKING_TOOL.name ? ask(params) : { content: [{ type: 'text', text: params.name }] };
      case 'resources/read':
        return { contents: [{ uri: params.uri, mimeType: 'text/plain', text: `the text of ${params.uri}` }], ...cached };
      case 'prompts/get':
        return { messages: [{ role: 'user', content: { type: 'text', text: `hello ${params.arguments?.whom}` } }] };
      default:
        return undefined;
    }
  }

  #page(member, items, params) {
    const from = Number(params?.cursor ?? 0);
    const end = from + this.pageSize;
    return { [member]: items.slice(from, end), ...(end < items.length ? { nextCursor: String(end) } : {}) };
  }
}
