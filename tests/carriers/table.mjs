// The matrix of carriers: how a message can travel in each revision (MCP, transports), what is tried on each way, and
// what both ends and the journal must show then. The integration test runs every cell, page.mjs prints the same for docs/.
export const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];
export const MODERN = '2026-07-28';
export const DECISIONS = ['allow', 'deny', 'rewrite'];
export const REQUESTS = ['tool', 'resource', 'prompt']; // what clients use
export const QUESTIONS = ['sampling', 'roots', 'elicitation']; // what servers ask of clients
export const PRIMITIVES = [...REQUESTS, ...QUESTIONS];

/**
 * Resources that something else has in it, which are judged like reads of their addresses (docs/endpoints.md). used: in the
 * result of what they are; asked: in which question. since: the first revision that has them there.
 */
export const PARTS = {
  link: { title: 'a link in what a tool gives', used: 'tool', since: '2025-06-18' },
  embedded: { title: 'an embedded resource in what a tool gives', used: 'tool' },
  mention: { title: 'a link in a message of a prompt', used: 'prompt', since: '2025-06-18' },
  enclosure: { title: 'an embedded resource in a message of a prompt', used: 'prompt' },
  neighbour: { title: 'contents of another address in the answer to a read', used: 'resource' },
  quote: { title: 'an embedded resource in what a tool gave, about which a model is asked', asked: 'sampling', since: '2025-11-25' },
};
const ALL_CELLS = [...PRIMITIVES, ...Object.keys(PARTS)];

const LEGACY = REVISIONS.filter((revision) => revision !== MODERN);
const STREAMABLE = LEGACY.slice(1); // the older one has no streams to go on with
const BEFORE_ELICITATION = REVISIONS.slice(0, 2);
const IN_TASKS = ['tool', 'link', 'embedded', ...QUESTIONS, 'quote'];

/**
 * requests, questions: the revisions in which this way carries them. client, server: how each side is connected, and
 * mode: how the server answers. decisions, primitives: those of them that exist here, when not all do. asks: what is used
 * when the server asks, when it is no tool.
 */
export const CARRIERS = [
  {
    id: 'json', title: 'one message in answer to a POST; questions in its result',
    client: 'http', server: 'http', mode: 'json', requests: REVISIONS, questions: [MODERN],
  },
  {
    id: 'stream', title: 'the stream in answer to a POST',
    client: 'http', server: 'http', mode: 'stream', requests: REVISIONS, questions: REVISIONS,
  },
  {
    id: 'prompt-asks', title: 'the same, of `prompts/get`',
    client: 'http', server: 'http', mode: 'stream', requests: [], questions: REVISIONS, asks: 'prompt',
  },
  {
    id: 'resource-asks', title: 'the same, of `resources/read`',
    client: 'http', server: 'http', mode: 'stream', requests: [], questions: REVISIONS, asks: 'resource',
  },
  {
    id: 'server-resumes', title: 'the same, broken off by the server and asked for again',
    client: 'http', server: 'http', mode: 'broken', requests: STREAMABLE, questions: STREAMABLE,
  },
  {
    id: 'client-resumes', title: 'the same, left by the client and asked for again',
    client: 'leaving', server: 'http', mode: 'progress', requests: STREAMABLE, questions: STREAMABLE,
  },
  {
    id: 'batch', title: 'a batch of the client; a batch in one event of the server, answered by a batch',
    client: 'batching', server: 'http', mode: 'batch', requests: ['2025-03-26'], questions: ['2025-03-26'],
  },
  {
    id: 'child-batch', title: 'standard streams of a server that packs what it says into batches',
    client: 'http', server: 'child', mode: 'lines-batch', requests: ['2025-03-26'], questions: ['2025-03-26'],
  },
  {
    id: 'sse-batch', title: 'HTTP with SSE at such a server',
    client: 'http', server: 'sse', mode: 'sse-batch', requests: ['2025-03-26'], questions: ['2025-03-26'],
  },
  {
    id: 'http-sse', title: 'HTTP with SSE at the client',
    client: 'sse', server: 'http', mode: 'stream', requests: ['2024-11-05'], questions: ['2024-11-05'],
  },
  {
    id: 'server-sse', title: 'HTTP with SSE at the server',
    client: 'http', server: 'sse', mode: 'sse', requests: ['2024-11-05'], questions: ['2024-11-05'],
  },
  {
    id: 'both-sse', title: 'HTTP with SSE on both sides',
    client: 'sse', server: 'sse', mode: 'sse', requests: ['2024-11-05'], questions: ['2024-11-05'],
  },
  {
    id: 'newer-server', title: `an older client before a server of ${MODERN}`,
    client: 'http', server: 'http', mode: 'json', serverRevision: MODERN, requests: LEGACY, questions: LEGACY,
  },
  {
    id: 'older-server', title: 'a client of 2026-07-28 before a server of 2025-11-25',
    client: 'http', server: 'http', mode: 'stream', serverRevision: '2025-11-25', requests: [MODERN], questions: [MODERN],
  },
  {
    id: 'child', title: 'standard streams of a server behind HTTP',
    client: 'http', server: 'child', mode: 'lines', requests: REVISIONS, questions: REVISIONS,
  },
  {
    id: 'wrap', title: 'standard streams on both sides (`aegis wrap`)',
    client: 'wrap', server: 'child', mode: 'lines', requests: REVISIONS, questions: REVISIONS,
  },
  {
    id: 'own-stream', title: "the stream of a client's session and of a server's, which belong to no call",
    client: 'listening', server: 'http', mode: 'standing', requests: [], questions: STREAMABLE,
  },
  {
    id: 'own-sse', title: 'HTTP with SSE at the client, between the calls',
    client: 'sse', server: 'http', mode: 'standing', requests: [], questions: ['2024-11-05'],
  },
  {
    id: 'own-child', title: 'standard streams of a server behind HTTP, between the calls',
    client: 'listening', server: 'child', mode: 'standing', requests: [], questions: STREAMABLE,
  },
  {
    id: 'own-wrap', title: 'standard streams on both sides, between the calls',
    client: 'wrap', server: 'child', mode: 'standing', requests: [], questions: LEGACY,
  },
  {
    id: 'task-result', title: 'a task: the result and questions on the stream of `tasks/result`',
    client: 'tasking', server: 'http', mode: 'tasks', requests: ['2025-11-25'], questions: ['2025-11-25'], primitives: IN_TASKS,
  },
  {
    id: 'task-state', title: 'a task of the extension: questions in its state, answers by `tasks/update`',
    client: 'tasking', server: 'http', mode: 'tasks', requests: [MODERN], questions: [MODERN], primitives: IN_TASKS,
  },
  {
    id: 'task-told', title: 'a task of the extension: its state told on `subscriptions/listen`, answers by `tasks/update`',
    client: 'told', server: 'http', mode: 'tasks', requests: [MODERN], questions: [MODERN], primitives: IN_TASKS,
  },
  {
    id: 'task-wish', title: 'a question that offers to be answered as a task, which is asked plainly',
    client: 'http', server: 'http', mode: 'stream', requests: [], questions: ['2025-11-25'],
    primitives: ['sampling', 'elicitation'], decisions: ['deny', 'rewrite'],
  },
  {
    id: 'error', title: 'error -32042 in answer to a call, which has an address to open',
    client: 'http', server: 'http', mode: 'json', requests: [], questions: ['2025-11-25'],
    primitives: ['elicitation'], decisions: ['deny'],
  },
];

export const POLICY = {
  uses: 'carriers.uses', questions: 'carriers.questions',
  denied: { tool: 'carriers.uses.denied', resource: 'carriers.resources.denied', prompt: 'carriers.uses.denied',
    sampling: 'carriers.sampling', roots: 'carriers.roots', elicitation: 'carriers.elicitation' },
};

/** What the server asks in each cell of a question. */
const form = (message, more = {}) => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: { type: 'object', properties: { env: { type: 'string' } }, required: ['env'] }, ...more },
});
const sample = (maxTokens, more = {}) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'which?' } }], maxTokens, ...more },
});

/** The resources of a cell: one that may be read, one that may not, or both. */
const OPEN_NOTE = { uri: 'note://part/open', text: 'for all' };
const CLOSED_NOTE = { uri: 'note://part/closed', text: 'for few' };
const CARRIED = { allow: [OPEN_NOTE], deny: [CLOSED_NOTE], rewrite: [OPEN_NOTE, CLOSED_NOTE] };
const isLink = (primitive) => ['link', 'mention'].includes(primitive);
const linkTo = ({ uri }) => ({ type: 'resource_link', name: 'a note', uri });
const embed = (resource) => ({ type: 'resource', resource });

export const REASON = 'closed by the matrix';
export const WITHHELD = `${REASON} (decision ...)`;
/** What the client gets in place of a block with that resource. */
const unlessClosed = (resource, block) => (resource === CLOSED_NOTE ? { type: 'text', text: WITHHELD } : block);

/** A question about the result of a tool, whose blocks are these. */
const quoting = (blocks) => ({
  method: 'sampling/createMessage',
  params: {
    messages: [
      { role: 'assistant', content: { type: 'tool_use', id: 'use-1', name: 'look', input: {} } },
      { role: 'user', content: [{ type: 'tool_result', toolUseId: 'use-1', content: blocks }] },
    ],
    maxTokens: 10,
  },
});
const quotesOf = (write) => Object.fromEntries(DECISIONS.map((decision) => [decision, quoting(CARRIED[decision].map(write))]));

const ASKED = {
  sampling: { allow: sample(10), deny: sample(5000), rewrite: sample(10, { includeContext: 'allServers', unknown: 1 }) },
  roots: { allow: { method: 'roots/list' }, deny: { method: 'roots/list' }, rewrite: { method: 'roots/list' } },
  elicitation: { allow: form('Which?'), deny: form('a forbidden one'), rewrite: form('Which?', { unknown: 1 }) },
  quote: quotesOf(embed),
};

/** What the client gets of those that it gets at all. */
const GOT = {
  sampling: { allow: sample(10), rewrite: sample(10, { includeContext: 'none' }) },
  roots: { allow: { method: 'roots/list' }, rewrite: { method: 'roots/list' } },
  elicitation: { allow: form('Which?'), rewrite: form('Which?') },
  quote: quotesOf((resource) => unlessClosed(resource, embed(resource))),
};

/** What the client answers, and what the server gets. */
const MESSAGE = { role: 'assistant', model: 'small', content: { type: 'text', text: 'this' } };
const OPEN = { uri: 'file:///srv/open', name: 'open' };
const SAID = {
  sampling: { allow: MESSAGE, rewrite: { ...MESSAGE, unknown: 1 } },
  roots: { allow: { roots: [OPEN] }, rewrite: { roots: [{ uri: 'file:///private/keys' }, OPEN] } },
  elicitation: {
    allow: { action: 'accept', content: { env: 'test' } },
    rewrite: { action: 'accept', content: { env: 'test', more: 'of it' } },
  },
  quote: { allow: MESSAGE, deny: MESSAGE, rewrite: MESSAGE },
};
const HEARD = {
  sampling: { allow: MESSAGE, rewrite: MESSAGE },
  roots: { allow: { roots: [OPEN] }, rewrite: { roots: [OPEN] } },
  elicitation: { allow: { action: 'accept', content: { env: 'test' } }, rewrite: { action: 'accept', content: { env: 'test' } } },
  quote: SAID.quote,
};
const REJECTED = { error: { code: -1, message: 'User rejected sampling request' } };
const UNKNOWN = { error: { code: -32601, message: 'method not found' } };
const REFUSED = { sampling: REJECTED, roots: { result: { roots: [] } }, elicitation: { result: { action: 'decline' } } };

export const ADDRESS = 'https://login.example.com/in';

function isUnknown(primitive, revision) {
  return primitive === 'elicitation' && BEFORE_ELICITATION.includes(revision);
}

/** What the revision does not have is refused, whatever the policies say. */
function decisionsOf(carrier, revision, primitive) {
  return isUnknown(primitive, revision) ? ['deny'] : carrier.decisions ?? DECISIONS;
}

/** The cells of a carrier in one revision. */
export function cellsOf(carrier, revision) {
  const cells = [];
  for (const primitive of carrier.primitives ?? ALL_CELLS) {
    const part = PARTS[primitive];
    const isRequest = part === undefined ? REQUESTS.includes(primitive) : part.used !== undefined;
    if (!(isRequest ? carrier.requests : carrier.questions).includes(revision) || revision < (part?.since ?? '')) continue;
    for (const decision of decisionsOf(carrier, revision, primitive)) {
      cells.push({ name: `${primitive}-${decision}`, carrier, revision, primitive, decision, isRequest });
    }
  }
  return cells;
}

export function allCells() {
  return CARRIERS.flatMap((carrier) => REVISIONS.flatMap((revision) => cellsOf(carrier, revision)));
}

/** What the request of a cell uses. */
const usedBy = ({ primitive, isRequest, carrier }) => (isRequest ? PARTS[primitive]?.used ?? primitive : carrier.asks ?? 'tool');

/** The names of what a server has, which is one of each kind for every cell of a way. */
export const NAMES = ALL_CELLS.flatMap((primitive) => DECISIONS.map((decision) => `${primitive}-${decision}`));

/** The request of a cell as its server gets it, by the name of the tool, resource or prompt. */
export function requestOf(cell) {
  const { name } = cell;
  const used = usedBy(cell);
  if (used === 'resource') return { method: 'resources/read', params: { uri: `note://peer/${name}` } };
  if (used === 'prompt') return { method: 'prompts/get', params: { name, arguments: { whom: 'you' } } };
  return { method: 'tools/call', params: { name, arguments: { size: 'small' } } };
}

const METHODS = { tool: 'tools/call', resource: 'resources/read', prompt: 'prompts/get' };

/** The primitive and the decision of the cell that these parameters are of. */
const wantedBy = ({ name, uri }) => (name ?? uri.split('/').at(-1)).split('-');

/** What the server asks during that request; undefined: nothing. */
export function questionOf({ method, params }, carrierId) {
  const asks = CARRIERS.find(({ id }) => id === carrierId)?.asks ?? 'tool';
  if (method !== METHODS[asks]) return undefined;
  const [primitive, decision] = wantedBy(params);
  const question = ASKED[primitive]?.[decision];
  const isWish = carrierId === 'task-wish' && question !== undefined;
  return isWish ? { ...question, params: { ...question.params, task: { ttl: 1000 } } } : question;
}

export function answerOf({ primitive, decision }) {
  return SAID[primitive]?.[decision];
}

/** What the server says to a request that it was not asked about. */
export function resultOf(request) {
  return resultWith(request, (resource, block) => block);
}

/** The same as its client gets it: without what is closed. */
function resultGot(request) {
  return resultWith(request, unlessClosed);
}

/** choose: of a resource and of the block that has it, the block that is there. */
function resultWith({ method, params }, choose) {
  const [primitive, decision] = wantedBy(params);
  const carried = PARTS[primitive]?.used === undefined ? [] : CARRIED[decision];
  const blocks = carried.map((resource) => choose(resource, isLink(primitive) ? linkTo(resource) : embed(resource)));
  if (method === 'prompts/get') {
    const said = [{ type: 'text', text: params.arguments.whom }, ...blocks];
    return { messages: said.map((content) => ({ role: 'user', content })) };
  }
  if (method === 'tools/call') return { content: [{ type: 'text', text: 'done' }, ...blocks] };
  const { uri } = params;
  const withheld = { uri, mimeType: 'text/plain', text: WITHHELD };
  return { contents: [{ uri, text: 'the text' }, ...carried.map((resource, i) => (blocks[i].type === 'text' ? withheld : resource))] };
}

/** The records of the resources of a cell. A link stays where a read could ever be allowed, which no policy has to say now. */
function judgedParts({ primitive, decision }) {
  if (PARTS[primitive] === undefined) return [];
  const denied = `event resource server deny ${POLICY.denied.resource} policy_denied`;
  const allowed = `event resource server allow${isLink(primitive) ? '' : ` ${POLICY.uses}`}`;
  return CARRIED[decision].map((resource) => (resource === CLOSED_NOTE ? denied : allowed));
}

/** What must be seen of a cell: by the client, by the server, in the journal. */
export function expectationOf(cell) {
  if (cell.carrier.mode === 'tasks' && cell.name !== 'tool-deny') return ofTask(cell);
  const expected = cell.isRequest ? ofRequest(cell) : ofQuestion(cell);
  return isBetweenCalls(cell) ? { ...expected, records: callFirst(expected.records) } : expected;
}

/** A question between calls has a decision of its own, and its records stand in no order to those of a call. */
export const isBetweenCalls = ({ carrier }) => carrier.mode === 'standing';

/** The records of a call, then those of questions. */
export function callFirst(summaries) {
  const isOfQuestion = (summary) => summary.startsWith('event ');
  return [...summaries.filter((summary) => !isOfQuestion(summary)), ...summaries.filter(isOfQuestion)];
}

function ofRequest(cell) {
  const { primitive, decision } = cell;
  const request = requestOf(cell);
  if (decision !== 'deny' || PARTS[primitive] !== undefined) {
    return {
      client: { asked: [], result: resultGot(request) },
      server: { requests: [request], answers: [] },
      records: [`intent ${usedBy(cell)} allow ${POLICY.uses}`, ...judgedParts(cell), 'outcome ok'],
    };
  }
  const client = primitive === 'tool' ? { isError: true } : { error: 40301 };
  return {
    client: { asked: [], ...client },
    server: { requests: [], answers: [] },
    records: [`event ${primitive} deny ${POLICY.denied[primitive]} policy_denied`],
  };
}

function ofQuestion(cell) {
  const { primitive, decision, revision, carrier } = cell;
  const isInRounds = (carrier.serverRevision ?? revision) === MODERN;
  const request = requestOf(cell);
  const used = usedBy(cell);
  const intent = `intent ${used} allow ${POLICY.uses}`;
  const asked = `event ${PARTS[primitive]?.asked ?? primitive} server`;
  /** What is seen when the call comes to its end: answer is the server's, judged are the records of it. */
  const completed = (question, answer, judged = []) => {
    const got = GOT[primitive][decision];
    // A client of the newest revision makes its request again, whatever the server is.
    const hasTwo = isInRounds || (revision === MODERN && got !== undefined);
    return {
      client: { asked: got === undefined ? [] : [got], result: resultOf(request) },
      server: { requests: isInRounds ? [request, request] : [request], answers: [answer] },
      records: [intent, ...inOrder(question, cell, isInRounds), ...(hasTwo ? ['outcome input_required', ...judged, intent] : judged), 'outcome ok'],
    };
  };
  const failed = (question, outcome) => ({
    client: { asked: [], ...(used === 'tool' ? { isError: true } : { error: 40301 }) },
    server: { requests: [request], answers: [] },
    records: [intent, question, outcome],
  });

  if (carrier.id === 'error') return failed(`${asked} deny question.url_error`, 'outcome error');
  if (isUnknown(primitive, revision)) return completed(`${asked} deny question.undeclared`, isInRounds ? REFUSED[primitive] : UNKNOWN);
  const denied = `${asked} deny ${POLICY.denied[primitive]} policy_denied`;
  const isDenied = decision === 'deny' && PARTS[primitive] === undefined;
  if (isDenied && primitive === 'sampling' && isInRounds) return failed(denied, 'outcome input_required');
  if (isDenied) return completed(denied, REFUSED[primitive]);
  return completed(`${asked} allow ${POLICY.questions}`, { result: HEARD[primitive][decision] }, judgedAnswer(cell));
}

/** The records of a question and of the resources in it, which come first where it is a message of its own. */
function inOrder(question, cell, isInResult) {
  const parts = judgedParts(cell);
  return isInResult ? [question, ...parts] : [...parts, question];
}

/** The records of an answer: one, and one of each root that is stripped from it. */
function judgedAnswer({ primitive, decision, revision }) {
  const answer = `event ${PARTS[primitive]?.asked ?? primitive} client allow ${POLICY.questions}`;
  if (primitive !== 'roots' || decision !== 'rewrite') return [answer];
  const stripped = 'event roots client deny carriers.roots.private policy_denied';
  return revision === MODERN ? [answer, stripped] : [stripped, answer];
}

/** A call that becomes a task, and looks at it: each is judged as the call, with its tool alone. */
function ofTask(cell) {
  const { primitive, decision, revision } = cell;
  const request = requestOf(cell);
  const begun = [`intent tool allow ${POLICY.uses}`, 'outcome task'];
  const look = (...judged) => ['intent tool allow', ...judged, 'outcome ok'];
  const denied = `event ${primitive} server deny ${POLICY.denied[primitive]} policy_denied`;
  const inState = revision === MODERN;
  const allowed = inOrder(`event ${PARTS[primitive]?.asked ?? primitive} server allow ${POLICY.questions}`, cell, inState);
  const server = (...answers) => ({ requests: [request], answers });
  const client = { asked: [], result: resultGot(request) };
  if (cell.isRequest) return { client, server: server(), records: [...begun, ...look(...judgedParts(cell))] };
  const isDenied = decision === 'deny' && PARTS[primitive] === undefined;
  if (isDenied && primitive === 'sampling' && cell.carrier.id === 'task-told') {
    return { client: { asked: [], result: { status: 'cancelled' } }, server: server(), records: [...begun, ...look(denied), ...look()] };
  }
  if (isDenied && primitive === 'sampling' && inState) {
    return { client: { asked: [], error: 40301 }, server: server(), records: [...begun, ...look(denied)] };
  }
  if (isDenied) return { client, server: server(REFUSED[primitive]), records: [...begun, ...look(denied), ...(inState ? look() : [])] };
  const answers = judgedAnswer(cell);
  // Nothing is kept between the looks, so that the question is judged again before its answer is.
  const looks = inState ? [...look(...allowed), ...look(...allowed, ...answers), ...look()] : look(...allowed, ...answers);
  return {
    client: { ...client, asked: [GOT[primitive][decision]] },
    server: server({ result: HEARD[primitive][decision] }),
    records: [...begun, ...looks],
  };
}
