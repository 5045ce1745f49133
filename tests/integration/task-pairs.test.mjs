// Tasks between the official clients and servers, TypeScript versions 1 and 2 and Python, every pair of them through the
// gateway, on the endpoint of one server and on the one of all: those of 2025-11-25 and those of the extension of 2026-07-28.
// Only version 1 has a runtime for tasks, and for the older form; each program of tests/peers/pairs says what goes by methods.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';

import { CONNECT, tour } from '../peers/pairs/task-clients.mjs';
import { listeningUrl, peersFolder, pythonPath, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN } from './helpers.mjs';

const LEGACY = '2025-11-25';
const pairs = path.join(peersFolder, 'pairs');
const PROGRAMS = {
  v1: [process.execPath, path.join(peersFolder, 'task-server.mjs')],
  v2: [process.execPath, path.join(pairs, 'v2-task-server.mjs')],
  python: [pythonPath, path.join(pairs, 'task_server.py')],
};
/** The name of a server is that of its program and its revision. */
const SERVERS = { 'v1-older': LEGACY, 'v2-older': LEGACY, 'python-older': LEGACY, 'v2-newer': MODERN, 'python-newer': MODERN };
const CLIENTS = { v1: LEGACY, 'v2-legacy': LEGACY, 'python-legacy': LEGACY, 'v2-modern': MODERN, 'python-modern': MODERN };
const PLACES = Object.keys(SERVERS).flatMap((server) => [
  { server, place: 'of one server', prefix: '' }, { server, place: 'of all servers', prefix: `${server}__` },
]);
const TOURS = Object.keys(CLIENTS).flatMap((client) => PLACES.map((place) => ({ client, ...place })));
const isOfPython = ({ client }) => client.startsWith('python');

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes }) => {
      const urls = {};
      await Promise.all(Object.entries(PROGRAMS).map(async ([name, [command, file]]) => {
        urls[name] = await listeningUrl(processes.start(command, [file]));
      }));
      return Object.entries(SERVERS).map(([name, revision]) => (
        { name, url: urls[name.split('-')[0]], trust: 'internal', revision, extensions: ['io.modelcontextprotocol/tasks'] }));
    },
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-open')] },
  });
});
after(() => bench?.stop());

const urlOf = ({ server, prefix }) => (prefix === '' ? bench.serverUrl(server) : bench.gateway.url);

async function toursOfTypeScript(tours) {
  const run = async (one) => tour(CONNECT[one.client], urlOf(one), bench.token, one);
  return Promise.all(tours.map((one) => run(one).catch((error) => ({ error: error.stack }))));
}

async function toursOfPython(tours) {
  const asked = tours.map(({ client, ...one }) => (
    { prefix: one.prefix, url: urlOf(one), token: bench.token, revision: CLIENTS[client] }));
  const child = bench.processes.start(pythonPath, [path.join(pairs, 'task_client.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify(asked));
  const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(status, 0, child.errors);
  return JSON.parse(said);
}

/** On the endpoint of all somebody always has tasks of the client's era; a tour goes to the server of its prefix. */
const hasTasks = ({ client, server, prefix }) => prefix !== '' || CLIENTS[client] === SERVERS[server];
const isTour = (one) => one.prefix === '' || CLIENTS[one.client] === SERVERS[one.server];

for (const [language, tours, run] of [
  ['TypeScript', TOURS.filter((one) => !isOfPython(one) && isTour(one)), toursOfTypeScript],
  ['Python', TOURS.filter((one) => isOfPython(one) && isTour(one)), toursOfPython],
]) {
  describe(`tasks of clients of ${language}`, () => {
    let seen;
    before(async () => (seen = await run(tours)));
    for (const [i, one] of tours.entries()) {
      test(`${one.client} with ${one.server} on the endpoint ${one.place}`, () => {
        assert.deepEqual(seen[i], hasTasks(one)
          ? { offered: true, answered: { action: 'accept', content: { name: 'ann' } }, states: ['working', 'cancelled'], sealed: true }
          : { offered: false });
      });
    }
  });
}
