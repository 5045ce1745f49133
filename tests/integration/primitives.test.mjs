// Resources, prompts and children through the gateway, by the official clients: on the endpoint of one server and on
// the one of all, over HTTP and stdio, with servers of either era.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { auditRecords, connectModern, lastSequence, peersFolder, resultText } from '../peers/support.mjs';
import { Bench, modernRequest, rawRequest } from './helpers.mjs';

const STATIC = 'demo://resource/static/document/';
const TOOLS = 2500; // three pages of the gateway, and many of the server
const ERAS = [
  { era: 'legacy', connect: (url, token) => bench.connectLegacy(url, token) },
  { era: 'modern', connect: connectModern },
];

const many = Array.from({ length: TOOLS }, (_, i) => ({ name: `tool_${i}`, inputSchema: { type: 'object' } }));

let bench;
before(async () => {
  bench = await Bench.start({
    counting: { tools: [{ name: 'read.report', inputSchema: { type: 'object' } }, ...many], pageSize: 100 },
    more: () => [
      { name: 'child-old', command: [process.execPath, path.join(peersFolder, 'stdio-server.mjs'), 'legacy'] },
      { name: 'child-new', command: [process.execPath, path.join(peersFolder, 'stdio-server.mjs'), 'modern'], revision: '2026-07-28' },
      { name: 'gone', url: 'http://127.0.0.1:9/mcp' },
    ],
  });
});
after(() => bench?.stop());

async function phasesAfter(sequence, target) {
  const records = (await auditRecords(bench.state, sequence)).filter((record) => record.target === target);
  return records.map(({ phase, decision }) => `${phase} ${decision}`);
}

/** The one record of a refusal that the client sees as an error with this code. */
async function refusedWith(code, request) {
  const { answer, record } = await bench.refused(() => request().then(() => undefined, (error) => error));
  assert.ok(answer instanceof Error, 'an error');
  assert.equal(answer.code, code, answer.message);
  return record;
}

for (const { era, connect } of ERAS) {
  for (const isAll of [false, true]) {
    const place = isAll ? 'of all servers' : 'of one server';
    describe(`the ${era} client on the endpoint ${place}`, () => {
      let client;
      let peer; // a client of the counting server
      before(async () => {
        client = await connect(isAll ? bench.gateway.url : bench.serverUrl('everything'), bench.token);
        peer = isAll ? client : await connect(bench.serverUrl('counting'), bench.token);
        // Whatever the gateway asks the servers on its own account has been asked after one good list.
        await peer.listPrompts();
        await client.listResources();
      });
      after(async () => {
        await client?.close();
        if (!isAll) await peer?.close();
      });
      const named = (server, name) => (isAll ? `${server}__${name}` : name);

      test('lists resources it may read', async () => {
        const uris = (await client.listResources()).resources.map(({ uri }) => uri);
        assert.ok(uris.includes(`${STATIC}features.md`), uris.join());
        assert.ok(!uris.includes(`${STATIC}structure.md`), uris.join());
        // Three servers of ours offer the same addresses: nobody could say which one is meant.
        assert.ok(!uris.includes('note://peer/open'), uris.join());
        const templates = (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate);
        assert.ok(templates.includes('demo://resource/dynamic/text/{resourceId}'), templates.join());
      });

      test('reads a listed resource and one of a template', async () => {
        const sequence = await lastSequence(bench.state);
        const { contents } = await client.readResource({ uri: `${STATIC}features.md` });
        assert.equal(contents[0].uri, `${STATIC}features.md`);
        assert.ok(contents[0].text.length > 0);
        assert.deepEqual(await phasesAfter(sequence, `${STATIC}features.md`), ['intent allow', 'outcome allow']);
        const dynamic = await client.readResource({ uri: 'demo://resource/dynamic/text/7' });
        assert.match(dynamic.contents[0].text, /Resource 7/);
      });

      test('is refused a closed resource', async () => {
        const record = await refusedWith(40301, () => client.readResource({ uri: `${STATIC}structure.md` }));
        assert.equal(record.type, 'authz.deny');
        assert.equal(record.target, `${STATIC}structure.md`);
        assert.deepEqual(record.policies, ['tests.resources.closed']);
      });

      test('is refused an address with two readings', async () => {
        for (const uri of [`${STATIC}../document/structure.md`, `${STATIC}%2e%2e/structure.md`, `${STATIC}{name}`, 'features.md']) {
          const record = await refusedWith(40304, () => client.readResource({ uri }));
          assert.equal(record.code, 'resource_denied');
        }
      });

      test('lists and gets prompts', async () => {
        const prompts = (await client.listPrompts()).prompts.map(({ name }) => name);
        assert.ok(prompts.includes(named('everything', 'simple-prompt')), prompts.join());
        assert.ok(!prompts.includes(named('everything', 'args-prompt')), prompts.join());
        const { messages } = await client.getPrompt({ name: named('everything', 'simple-prompt') });
        assert.ok(messages[0].content.text.length > 0);
        const greeting = await peer.getPrompt({ name: named('counting', 'greet'), arguments: { whom: 'you' } });
        assert.equal(greeting.messages[0].content.text, 'hello you');
      });

      test('is refused a closed prompt', async () => {
        for (const [who, server, name] of [[client, 'everything', 'args-prompt'], [peer, 'counting', 'closed']]) {
          const record = await refusedWith(40301, () => who.getPrompt({ name: named(server, name), arguments: { city: 'x' } }));
          assert.equal(record.target, `${server}.${name}`);
          assert.deepEqual(record.policies, ['tests.prompts.closed']);
        }
      });

      if (era === 'legacy') {
        test('subscribes to a resource, and not to a closed one', async () => {
          const uri = `${STATIC}features.md`;
          assert.deepEqual(await client.subscribeResource({ uri }), {});
          assert.deepEqual(await client.unsubscribeResource({ uri }), {});
          const record = await refusedWith(40301, () => client.subscribeResource({ uri: `${STATIC}structure.md` }));
          assert.deepEqual([record.method, record.policies], ['resources/subscribe', ['tests.resources.closed']]);
        });
      }

      for (const child of ['child-old', 'child-new']) {
        test(`calls, reads and is refused by ${child}`, async () => {
          const own = isAll ? client : await connect(bench.serverUrl(child), bench.token);
          assert.equal(resultText(await own.callTool({ name: named(child, 'read_report'), arguments: {} })), 'read_report');
          const { answer, record } = await bench.refused(() => own.callTool({ name: named(child, 'forbidden'), arguments: {} }));
          assert.equal(answer.isError, true);
          assert.equal(record.target, `${child}.forbidden`);
          assert.deepEqual(record.policies, ['tests.children.forbidden']);
          if (isAll) {
            const ambiguous = await refusedUpstream(() => own.readResource({ uri: 'note://peer/open' }));
            assert.equal(ambiguous.code, 'target.ambiguous');
          } else {
            const { contents } = await own.readResource({ uri: 'note://peer/open' });
            assert.equal(contents[0].text, 'the text of note://peer/open');
            const closed = await refusedWith(40301, () => own.readResource({ uri: 'note://peer/closed' }));
            assert.equal(closed.server, child);
            await own.close();
          }
        });
      }
    });
  }
}

/** The record of a refusal for which the lists of servers had to be asked. */
async function refusedUpstream(request) {
  const sequence = await lastSequence(bench.state);
  await assert.rejects(request, ({ code }) => code === -32602);
  const records = await auditRecords(bench.state, sequence);
  assert.equal(records.length, 1, JSON.stringify(records));
  assert.ok(!bench.counting.messages.some(({ method }) => method === 'resources/read'), 'nothing was read');
  return records[0];
}

test('a long list comes in pages that hold every tool once', async () => {
  const seen = [];
  let pages = 0;
  for (let cursor; ; pages++) {
    const { messages: [{ result }] } = await rawRequest(
      bench.serverUrl('counting'), modernRequest('tools/list', cursor === undefined ? {} : { cursor }), bench.token);
    assert.ok(result.tools.length <= 1000);
    seen.push(...result.tools.map(({ name }) => name));
    cursor = result.nextCursor;
    if (cursor === undefined) break;
  }
  assert.equal(pages, 2);
  assert.equal(seen.length, TOOLS + 1);
  assert.equal(new Set(seen).size, seen.length);
});

test('an alias stands for a name that clients would not take', async () => {
  const client = await connectModern(bench.gateway.url, bench.token);
  const { tools } = await client.listTools();
  for (const { name } of tools) assert.match(name, /^[A-Za-z0-9_-]{1,64}$/);
  const alias = tools.map(({ name }) => name).find((name) => name.startsWith('counting__read_report_'));
  assert.ok(alias, 'the alias of read.report');
  const sequence = await lastSequence(bench.state);
  assert.equal(resultText(await client.callTool({ name: alias, arguments: {} })), 'read.report');
  assert.deepEqual(await phasesAfter(sequence, 'counting.read.report'), ['intent allow', 'outcome allow']);
  await client.close();
});
