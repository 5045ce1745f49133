// The matrix of carriers: what client, server and journal show for each primitive, way, decision and revision. The table
// is tests/carriers/table.mjs; docs/carriers.md prints it.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { connect } from '../carriers/client.mjs';
import { page } from '../carriers/page.mjs';
import { HttpPeers } from '../carriers/server.mjs';
import {
  CARRIERS, MODERN, QUESTIONS, REASON, REVISIONS, answerOf, callFirst, cellsOf, expectationOf, isBetweenCalls, requestOf,
} from '../carriers/table.mjs';
import { aegis, auditRecords, resultText, rootFolder } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const HOUSEKEEPING = ['initialize', 'notifications/initialized', 'ping', 'subscriptions/listen', 'GET', 'DELETE'];
const WAYS_AT_ONCE = 4;
const HEARD_WAIT_MS = 20000;
const policyFile = path.join(rootFolder, 'tests/integration/policies-carriers/carriers.cedar');
const program = fileURLToPath(new URL('../carriers/server.mjs', import.meta.url));
const WAYS = CARRIERS.flatMap((carrier) => REVISIONS.filter((revision) => cellsOf(carrier, revision).length > 0)
  .map((revision) => ({ carrier, revision, server: `${carrier.id}-${revision}` })));
const SERVED = WAYS.filter(({ carrier }) => carrier.client !== 'wrap');

let bench, peers, journal;
before(async () => {
  peers = await new HttpPeers().start();
  bench = await Bench.start({
    hasRealServers: false,
    more: ({ folder }) => SERVED.flatMap((way) => [entry(way, folder), entry(way, folder, '-closed')]),
    config: () => ({
      policies: [policyFile],
      views: SERVED.map(({ server }) => ({ name: server, tools: [`${server}.*`], prompts: [`${server}.*`] })),
    }),
  });
  const left = [...WAYS];
  const runSome = async () => {
    for (let way = left.shift(); way !== undefined; way = left.shift()) await runAll(way).catch((error) => (way.failure = error));
  };
  await Promise.all(Array.from({ length: WAYS_AT_ONCE }, runSome));
  journal = await auditRecords(bench.state);
});
after(async () => {
  await bench?.stop();
  await peers?.stop();
});

/** A server's entry; its counterpart `-closed` differs in what the policies let it ask. */
function entry(way, folder, suffix = '') {
  const { carrier, revision } = way;
  const name = `${way.server}${suffix}`;
  const spoken = carrier.serverRevision ?? revision;
  const shared = {
    name, trust: 'internal', ...(spoken === MODERN ? { revision: spoken } : {}), ...(carrier.server === 'sse' ? { transport: 'sse' } : {}),
    ...(carrier.mode === 'tasks' && spoken === MODERN ? { extensions: ['io.modelcontextprotocol/tasks'] } : {}),
  };
  if (carrier.server === 'child') {
    way[`file${suffix}`] = path.join(folder, `${name}.heard`);
    return { ...shared, command: [process.execPath, program, revision, carrier.mode, way[`file${suffix}`]] };
  }
  way[`peer${suffix}`] = peers.add(name, spoken, carrier.id, carrier.mode);
  return { ...shared, url: way[`peer${suffix}`].url };
}

/** What a server heard so far. */
async function heardBy(way, suffix) {
  if (way.carrier.server !== 'child') return way[`peer${suffix}`].heard;
  const text = await fs.readFile(way[`file${suffix}`], 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** The clients of one way, opened when a cell wants one, by the endpoint they are at. */
class Clients {
  #open = new Map();

  constructor(way) {
    this.way = way;
  }

  async at(place) {
    if (!this.#open.has(place)) this.#open.set(place, await this.#connect(place));
    return this.#open.get(place);
  }

  async #connect(place) {
    const { carrier, revision, server } = this.way;
    if (carrier.client === 'wrap') return connect('wrap', revision, await this.#wrapArguments(place));
    const paths = { own: `servers/${server}`, closed: `servers/${server}-closed`, view: `views/${server}` };
    return connect(carrier.client, revision, `${bench.gateway.origin}/${paths[place]}/mcp`, bench.token);
  }

  async #wrapArguments(place) {
    const { carrier, revision, server } = this.way;
    const suffix = place === 'closed' ? '-closed' : '';
    const state = path.join(bench.folder, `${server}${suffix}`);
    const text = await fs.readFile(policyFile, 'utf8');
    await fs.mkdir(path.join(state, 'policies'), { recursive: true });
    // There the server has one name; what is closed must be so by another policy.
    const policies = suffix === '' ? text : text.replace('resource.name like "*-closed" && ', '');
    await fs.writeFile(path.join(state, 'policies/carriers.cedar'), policies);
    this.way[`file${suffix}`] = path.join(state, 'heard');
    const command = [process.execPath, program, revision, carrier.mode, this.way[`file${suffix}`]];
    return ['wrap', '--state', state, '--policy', path.join(state, 'policies'), '--', ...command];
  }

  async close() {
    for (const client of this.#open.values()) await client.close();
  }
}

const placeOf = ({ primitive, decision, carrier }) => {
  if (primitive === 'roots' && decision === 'deny') return 'closed';
  return decision === 'rewrite' && carrier.client !== 'wrap' && ['tool', 'prompt'].includes(primitive) ? 'view' : 'own';
};

/** The request as the client makes it: where something is rewritten it says the same in another way. */
function askedFor(cell, place) {
  const { method, params } = requestOf(cell);
  if (place === 'view') return { method, params: { ...params, name: `${cell.carrier.id}-${cell.revision}__${params.name}` } };
  if (cell.primitive === 'resource' && cell.decision === 'rewrite') return { method, params: { uri: params.uri.replace('resource', '%72esource') } };
  return { method, params };
}

const serverOf = (cell) => {
  const suffix = placeOf(cell) === 'closed' ? '-closed' : '';
  return cell.carrier.client === 'wrap' ? 'upstream' : `${cell.carrier.id}-${cell.revision}${suffix}`;
};

/** The records of all that one way did. */
async function recordsOfWay({ carrier, server }) {
  if (carrier.client !== 'wrap') {
    const ours = (record) => record.server?.startsWith(server);
    const decisions = new Set(journal.filter(ours).map((record) => record.decision_id));
    return journal.filter((record) => decisions.has(record.decision_id));
  }
  const records = [];
  for (const suffix of ['', '-closed']) {
    const state = path.join(bench.folder, `${server}${suffix}`);
    const [journal] = (await fs.readdir(state)).filter((name) => name.startsWith('wrap-'));
    if (journal === undefined) continue;
    const text = await aegis('audit', 'tail', '--dir', path.join(state, journal), '-n', '1000', '--output', 'json');
    records.push(...text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)));
  }
  return records;
}

/** Makes the exchanges of a way, one after the other. */
async function runAll(way) {
  const clients = new Clients(way);
  way.seen = new Map();
  for (const cell of cellsOf(way.carrier, way.revision)) way.seen.set(cell.name, await run(cell, way, clients));
  await clients.close();
}

async function run(cell, way, clients) {
  const place = placeOf(cell);
  const suffix = place === 'closed' ? '-closed' : '';
  const client = await clients.at(place);
  const before = (await heardBy(way, suffix)).length;
  const { asked, result, error } = await client.use(askedFor(cell, place), answerOf(cell));
  const { server } = expectationOf(cell);
  const count = server.requests.length + server.answers.length;
  let heard = (await heardBy(way, suffix)).slice(before);
  for (const end = Date.now() + HEARD_WAIT_MS; heard.length < count && Date.now() < end; await sleep(5)) {
    heard = (await heardBy(way, suffix)).slice(before);
  }
  return { asked, result, error, heard };
}

/** A result without what a revision or a task adds to it. */
function withoutEra({ resultType, ttlMs, cacheScope, _meta, ...result }) {
  return result;
}

function plainly({ method, params: { _meta, inputResponses, requestState, task, ...params } }) {
  return { method, params };
}

/** What the client got, without the ids of decisions in it, and these. */
function withoutIds(value) {
  const ids = [];
  const text = JSON.stringify(value).replace(/\(decision ([0-9a-f]{32})\)/g, (told, id) => {
    ids.push(id);
    return '(decision ...)';
  });
  return { value: JSON.parse(text), ids };
}

/** A record as the table writes it. */
function summaryOf({ phase, primitive, direction, decision, policies = [], code, outcome }) {
  if (phase === 'outcome') return `outcome ${outcome}`;
  const who = QUESTIONS.includes(primitive) || direction === 'server' ? [primitive, direction] : [primitive];
  return [phase, ...who, decision, ...policies, ...(code === undefined ? [] : [code])].join(' ');
}

/** The records of a cell: those under the decisions that name the target of its request, and what follows between calls. */
function recordsOf(records, cell) {
  const { method, params } = requestOf(cell);
  const target = method === 'resources/read' ? params.uri : `${serverOf(cell)}.${params.name}`;
  const decisions = new Set(records.filter((record) => record.target === target).map((record) => record.decision_id));
  // A decision is one thing after the other; those of a cell may run beside each other.
  if (!isBetweenCalls(cell)) return [...decisions].flatMap((id) => records.filter((record) => record.decision_id === id));
  const from = records.findIndex((record) => decisions.has(record.decision_id));
  const next = records.findIndex(({ phase, decision_id: id }, i) => i > from && phase === 'intent' && !decisions.has(id));
  const own = records.slice(from, next === -1 ? undefined : next);
  return own.filter(({ method }) => !HOUSEKEEPING.includes(method));
}

test('the page in docs/ is that of the table', async () => {
  const text = await fs.readFile(path.join(rootFolder, 'docs/carriers.md'), 'utf8');
  assert.equal(text, page(), 'print it again: node tests/carriers/page.mjs >docs/carriers.md');
});

for (const way of WAYS) {
  describe(way.server, () => {
    const cells = cellsOf(way.carrier, way.revision);
    let records;
    before(async () => {
      if (way.failure !== undefined) throw way.failure;
      records = await recordsOfWay(way);
    });
    for (const cell of cells) {
      test(cell.name, () => {
        const { client, server, records: expected } = expectationOf(cell);
        const { heard, ...got } = way.seen.get(cell.name);
        const { value: { asked, result, error }, ids } = withoutIds(got);
        assert.equal(error?.code, client.error, JSON.stringify(error));
        assert.deepEqual(asked, client.asked, 'what the client was asked');
        if (client.error !== undefined) {
          if (cell.isRequest) assert.equal(error.data.reason, REASON);
        } else if (client.isError) {
          assert.equal(result.isError, true);
        } else {
          assert.deepEqual(withoutEra(result), client.result);
        }
        assert.deepEqual(heard.filter(({ method }) => method !== undefined).map(plainly), server.requests, 'requests at the server');
        assert.deepEqual(heard.filter(({ method }) => method === undefined), server.answers, 'answers at the server');
        for (const { params } of heard.filter(({ method }) => method !== undefined)) {
          assert.match(`${params._meta.progressToken}`, /^\d+$/, 'a token of the gateway');
        }
        const own = recordsOf(records, cell);
        const denied = own.filter(({ decision }) => decision === 'deny').map(({ decision_id: id }) => id);
        for (const id of ids) assert.ok(denied.includes(id), 'the decision that the client was told');
        const summaries = own.map(summaryOf);
        assert.deepEqual(isBetweenCalls(cell) ? callFirst(summaries) : summaries, expected, 'records');
        for (const record of own.filter(({ phase }) => phase !== 'outcome')) {
          assert.deepEqual([record.revision, record.server], [way.revision, serverOf(cell)]);
        }
      });
    }

    test('nothing else is recorded', () => {
      const claimed = new Set(cells.flatMap((cell) => recordsOf(records, cell)));
      const others = records.filter((record) => !claimed.has(record) && !HOUSEKEEPING.includes(record.method));
      assert.deepEqual(others, []);
    });
  });
}
