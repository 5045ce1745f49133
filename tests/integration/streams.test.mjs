// What servers tell and ask outside of calls, through the gateway: official clients and servers on both sides.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { connectListening, connectModernListening, connectOpening } from '../peers/listening-client.mjs';
import { auditRecords, lastSequence, listeningUrl, peersFolder, resultText, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN } from './helpers.mjs';

const server = path.join(peersFolder, 'telling-server.mjs');
const modern = path.join(peersFolder, 'sdk-asking-server.mjs');

let bench;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes }) => [
      { name: 'telling', url: await listeningUrl(processes.start(process.execPath, [server, 'http'])), trust: 'internal' },
      { name: 'modern', url: await listeningUrl(processes.start(process.execPath, [modern])), trust: 'internal', revision: MODERN },
      { name: 'telling-child', command: [process.execPath, server, 'stdio'], trust: 'internal' },
    ],
    config: { policies: [path.join(rootFolder, 'tests/integration/policies-telling')] },
  });
});
after(() => bench?.stop());

/** A client whose stream stands: the gateway's record of its GET says so. */
async function connect(url) {
  const sequence = await lastSequence(bench.state);
  const client = await connectListening(url, bench.token, 'ann');
  const isLink = url.endsWith('/sse');
  for (let records = []; !isLink && !records.some(({ method }) => method === 'GET');) {
    records = await auditRecords(bench.state, sequence);
  }
  return client;
}

async function call(client, name) {
  return JSON.parse(resultText(await client.callTool({ name, arguments: {} })));
}

const ENDPOINTS = [
  ['over HTTP', () => bench.serverUrl('telling'), 'note'],
  ['of a child', () => bench.serverUrl('telling-child'), 'child'],
  ['over HTTP with SSE', () => bench.serverUrl('telling').replace('/mcp', '/sse'), 'note'],
  ['on the endpoint of all servers', () => bench.gateway.url, 'note', 'telling__'],
];

for (const [where, url, scheme, prefix = ''] of ENDPOINTS) {
  describe(`a server ${where}`, () => {
    let client;
    before(async () => (client = await connect(url())));
    after(() => client?.close());

    test('tells of the resources that the client is subscribed to and may read', async () => {
      const [uri, secret] = [`${scheme}:///open/1`, `${scheme}:///secret/1`];
      assert.equal(client.getServerCapabilities().resources.subscribe, true);
      await client.subscribeResource({ uri });
      await assert.rejects(client.subscribeResource({ uri: secret }), /denied by policy/);
      // A server that has no stream yet tells nobody.
      while (client.updated.all.length === 0) assert.deepEqual(await call(client, `${prefix}touch`), [uri]);
      const count = client.updated.all.length;
      await call(client, `${prefix}touch`);
      assert.deepEqual(new Set(await client.updated.until(count + 1)), new Set([uri]));
      await client.unsubscribeResource({ uri });
      assert.deepEqual(await call(client, `${prefix}touch`), []);
    });

    test('asks when its call is over, and gets the answer', async () => {
      const asked = client.asked.length;
      const sequence = await lastSequence(bench.state);
      assert.equal(await call(client, `${prefix}ask_later`), 'later');
      let heard = [];
      while (heard.length === 0) heard = await call(client, `${prefix}heard`);
      assert.deepEqual(heard, [{ action: 'accept', content: { name: 'ann' } }]);
      assert.equal(client.asked.length, asked + 1);
      const records = (await auditRecords(bench.state, sequence)).filter(({ method }) => method === 'elicitation/create');
      assert.deepEqual(records.map(({ direction, decision }) => `${direction} ${decision}`), ['server allow', 'client allow']);
    });

    test('has a new tool, and the client hears of it', async () => {
      assert.equal(await call(client, `${prefix}grow`), 'grown');
      await client.changed.until(1);
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === `${prefix}added`));
      assert.equal(await call(client, `${prefix}added`), 'added');
    });
  });
}

test('a client hears that the page it was asked to open is done, and of no other one', async () => {
  const sequence = await lastSequence(bench.state);
  const client = await connectOpening(bench.serverUrl('telling-child'), bench.token, 'ann');
  assert.equal(await call(client, 'pay'), 'accept');
  assert.deepEqual(await client.completed.until(1), ['page-1']);
  const records = await auditRecords(bench.state, sequence);
  assert.equal(records.filter(({ code }) => code === 'elicitation.unknown').length, 1);
  await client.close();
});

describe('a client of an older revision at a server of the newest one', () => {
  test('hears of the resources that it is subscribed to and may read, and of the list of tools', async () => {
    const [open, secret] = ['memo:///open/1', 'memo:///secret/1'];
    const client = await connect(bench.serverUrl('modern'));
    await assert.rejects(client.subscribeResource({ uri: secret }), /denied by policy/);
    await client.subscribeResource({ uri: open });
    // A server that does not listen yet tells nobody.
    while (client.updated.all.length === 0 || client.changed.all.length === 0) await client.callTool({ name: 'change', arguments: {} });
    assert.deepEqual(new Set(client.updated.all), new Set([open]));
    assert.deepEqual(new Set(client.changed.all), new Set(['tools']));
    await client.unsubscribeResource({ uri: open });
    await client.close();
  });
});

describe('a client of the newest revision at an older server', () => {
  for (const [where, name, scheme] of [['over HTTP', 'telling', 'note'], ['of a child', 'telling-child', 'child']]) {
    test(`${where}: hears of what it listens to and may read`, async () => {
      const [open, secret] = [`${scheme}:///open/1`, `${scheme}:///secret/1`];
      const filter = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [open, secret] };
      const client = await connectModernListening(bench.serverUrl(name), bench.token, filter);
      assert.deepEqual(client.subscription.honoredFilter, { toolsListChanged: true, resourceSubscriptions: [open] });
      while (client.updated.all.length === 0) assert.deepEqual(await call(client, 'touch'), [open]);
      assert.equal(await call(client, 'grow'), 'grown');
      assert.deepEqual(await client.changed.until(1), ['tools']);
      assert.deepEqual(new Set(client.updated.all), new Set([open]));
      await client.subscription.close();
      // What nobody listens to any more the server is not asked for.
      for (let left = [open]; left.length > 0;) left = await call(client, 'touch');
      await client.close();
    });
  }
});

describe('a client and a server of the newest revision', () => {
  const [open, secret] = ['memo:///open/1', 'memo:///secret/1'];
  const filter = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [open, secret] };

  test('one listens and the other tells, as far as the policies let it', async () => {
    const client = await connectModernListening(bench.serverUrl('modern'), bench.token, filter);
    assert.deepEqual(client.subscription.honoredFilter, { toolsListChanged: true, resourceSubscriptions: [open] });
    await client.callTool({ name: 'change', arguments: {} });
    await client.callTool({ name: 'change', arguments: {} });
    assert.deepEqual(await client.updated.until(2), [open, open]);
    assert.deepEqual(await client.changed.until(2), ['tools', 'tools']);
    await client.subscription.close();
    assert.equal(await client.subscription.closed, 'local');
    await client.close();
  });

  test('on the endpoint of all servers each address is listened to where it belongs', async () => {
    const wished = { ...filter, resourceSubscriptions: [open, secret, 'note:///open/2', 'note:///nobodys'] };
    const client = await connectModernListening(bench.gateway.url, bench.token, wished);
    assert.deepEqual(client.subscription.honoredFilter, { toolsListChanged: true, resourceSubscriptions: [open, 'note:///open/2'] });
    await client.callTool({ name: 'modern__change', arguments: {} });
    assert.deepEqual(await client.changed.until(1), ['tools']);
    assert.deepEqual(await client.updated.until(1), [open]);
    while (client.updated.all.length < 2) await client.callTool({ name: 'telling__touch', arguments: {} });
    assert.equal(client.updated.all[1], 'note:///open/2');
    await client.close();
  });
});
