// A list over fifty servers of which five are dead, each in its own way: it comes when the time of a list is over, with all
// that the others have, and again without waiting.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Answers } from '../peers/answers.mjs';
import { CountingServer } from '../peers/counting-server.mjs';
import { auditRecords, connectModern, lastSequence, resultText, rootFolder } from '../peers/support.mjs';
import { Bench, modernRequest, rawRequest } from './helpers.mjs';

const ALIVE = 44; // and the one that every bench has
const LIST_MS = 2000;
const NOBODY = 'http://127.0.0.1:1/mcp'; // a free port might be given to somebody else meanwhile
const NEVER_MS = 600000; // no server's silence ends a call in this test

const tool = (name) => ({ name, inputSchema: { type: 'object' } });
const closers = [];

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close(), () => server.closeAllConnections?.());
  return `http://127.0.0.1:${server.address().port}/mcp`;
}

/** Takes connections and says nothing. */
const silent = () => {
  const sockets = [];
  closers.push(() => sockets.forEach((socket) => socket.destroy()));
  return listen(net.createServer((socket) => sockets.push(socket.on('error', () => {}))));
};

/** Begins an answer and never ends it. */
const endless = () => listen(http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': wait\n\n');
}));

/** Opens its session, but does not list. */
function mute() {
  const answers = new Answers({ tools: [tool('late')] });
  return listen(http.createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const message = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    if (message.method === 'tools/list') return;
    const answer = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answers.outcome(message) });
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(answer);
  }));
}

const failing = () => listen(http.createServer((request, response) => response.writeHead(500).end()));

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async () => {
      const servers = [];
      for (let i = 0; i < ALIVE; i++) {
        const server = await new CountingServer({ tools: [tool(`one_${i}`), tool(`two_${i}`)] }).start();
        closers.push(() => server.stop());
        servers.push({ name: `alive-${i}`, url: server.url, trust: 'internal', revision: '2026-07-28' });
      }
      const dead = {
        refusing: NOBODY, silent: await silent(), endless: await endless(), mute: await mute(),
        failing: await failing(),
      };
      // The dead stand before the others.
      return [...Object.entries(dead).map(([name, url]) => ({ name, url, trust: 'internal', timeout_ms: NEVER_MS })), ...servers];
    },
    config: {
      limits: { list_timeout_ms: LIST_MS },
      policies: [path.join(rootFolder, 'tests/integration/policies-open')],
    },
  });
});
after(async () => {
  await bench?.stop();
  for (const close of closers.reverse()) await close();
});

test('fifty servers are listed without the five that are dead', async (t) => {
  for (const method of ['server/discover', 'tools/list', 'tools/list']) {
    const begun = performance.now();
    await rawRequest(bench.gateway.url, modernRequest(method, {}), bench.token);
    t.diagnostic(`${method} in ${Math.round(performance.now() - begun)} ms`);
  }
  const client = await connectModern(bench.gateway.url, bench.token);
  for (let round = 0; round < 3; round++) {
    const sequence = await lastSequence(bench.state);
    const names = (await client.listTools()).tools.map(({ name }) => name);
    for (let i = 0; i < ALIVE; i++) {
      assert.ok(names.includes(`alive-${i}__one_${i}`) && names.includes(`alive-${i}__two_${i}`), `of alive-${i}`);
    }
    assert.ok(names.some((name) => name.startsWith('counting__')));
    assert.deepEqual(names.filter((name) => /^(refusing|silent|endless|mute|failing)__/.test(name)), []);
    const record = (await auditRecords(bench.state, sequence)).find(({ method }) => method === 'tools/list');
    assert.equal(record.code, 'list.partial');
    assert.deepEqual(record.reason.split(', ').sort(), ['endless', 'failing', 'mute', 'refusing', 'silent']);
  }
  await client.close();
});

test('a call goes to its server whatever the others do', async () => {
  const client = await connectModern(bench.gateway.url, bench.token);
  const result = await client.callTool({ name: 'alive-7__one_7', arguments: {} });
  assert.notEqual(result.isError, true, resultText(result));
  await client.close();
});
