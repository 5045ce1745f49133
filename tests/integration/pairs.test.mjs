// Official clients and servers, TypeScript versions 1 and 2 and Python, every pair of them through the gateway, in both
// eras, on the endpoint of one server and on the one of all: each client makes the same tour of each server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { CONNECT, tour } from '../peers/pairs/clients.mjs';
import { listeningUrl, peersFolder, pythonPath, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN } from './helpers.mjs';

const folder = path.join(peersFolder, 'pairs');
const SERVERS = {
  v1: { program: [process.execPath, path.join(folder, 'v1-server.mjs')] },
  v2: { program: [process.execPath, path.join(folder, 'v2-server.mjs')] },
  python: { program: [pythonPath, path.join(folder, 'server.py')] },
  // The same in the newest revision alone, so that older clients meet it across the eras.
  'v2-new': { program: [process.execPath, path.join(folder, 'v2-server.mjs')], revision: MODERN },
  'python-new': { program: [pythonPath, path.join(folder, 'server.py')], revision: MODERN },
  // And as servers of before, so that newer clients do.
  'v2-old': { program: [process.execPath, path.join(folder, 'v2-server.mjs')], revision: '2025-11-25' },
  'python-old': { program: [pythonPath, path.join(folder, 'server.py')], revision: '2025-11-25' },
};
const PYTHON = { 'python-legacy': 'legacy', 'python-modern': MODERN };
const TOOLS = ['ask_about', 'ask_model', 'ask_roots', 'ask_user', 'count', 'echo', 'touch', 'wait', 'was_cancelled'];

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: ({ processes }) => Promise.all(Object.entries(SERVERS).map(async ([name, { program: [command, file], ...more }]) => (
      { name, url: await listeningUrl(processes.start(command, [file, name])), trust: 'internal', ...more }))),
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-pairs')] },
  });
});
after(() => bench?.stop());

/** The ends of one tour: where it goes and what is before the names there. */
const tours = Object.keys(SERVERS).flatMap((server) => [
  { server, place: 'of one server', prefix: '' }, { server, place: 'of all servers', prefix: `${server}__` },
]);
const urlOf = ({ server, prefix }) => (prefix === '' ? bench.serverUrl(server) : bench.gateway.url);

const PLACES = Object.keys(CONNECT).flatMap((client) => tours.map((one) => ({ client, ...one })));

/** The tours of the clients of this process, all beside each other. */
async function ownTours() {
  const run = async ({ client, ...one }) => tour(CONNECT[client], urlOf(one), bench.token, one);
  return Promise.all(PLACES.map((one) => run(one).catch((error) => ({ error: error.stack }))));
}

/** Those of Python's clients. */
async function pythonTours() {
  const asked = Object.values(PYTHON).flatMap((mode) => tours.map(({ server, prefix }) => (
    { server, prefix, mode, token: bench.token, url: urlOf({ server, prefix }) })));
  const child = bench.processes.start(pythonPath, [path.join(folder, 'client.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
  child.stdin.end(JSON.stringify(asked));
  const [status] = await once(child, 'close');
  assert.equal(status, 0, child.errors);
  return JSON.parse(text);
}

const PYTHON_PLACES = Object.keys(PYTHON).flatMap((client) => tours.map((one) => ({ client, ...one })));

for (const [language, places, run] of [['TypeScript', PLACES, ownTours], ['Python', PYTHON_PLACES, pythonTours]]) {
  describe(`clients of ${language}`, () => {
    let seen;
    before(async () => (seen = await run()));
    for (const [i, { client, server, prefix, place }] of places.entries()) {
      test(`${client} with ${server} on the endpoint ${place}`, () => {
        const { quoted, ...others } = seen[i]; // with the id of a decision
        assert.deepEqual({ quoted: quoted?.replace(/[0-9a-f]{32}/, '...'), ...others }, {
          tools: TOOLS.map((name) => `${prefix}${name}`),
          echo: 'é',
          text: 'a text',
          greeting: 'hello ann',
          model: 'ann thinks',
          quoted: `pair://${server}/text,closed notes stay (decision ...)`,
          user: 'ann',
          roots: 'file:///home/ann',
          counted: 'counted',
          progress: [1, 2, 3],
          cancelled: true,
          told: `pair://${server}/text`,
        });
      });
    }
  });
}
