// Links and embedded resources in results, by the official clients before the official server: they are judged like
// reads of their addresses, and a link that is shown can be read.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { auditRecords, connectModern, lastSequence, mintToken, resultText, rootFolder } from '../peers/support.mjs';
import { Bench, modernRequest, rawRequest } from './helpers.mjs';

const TEXT = 'demo://resource/dynamic/text/';
const BLOB = 'demo://resource/dynamic/blob/';
const WITHHELD = /^binary resources stay at their server \(decision ([0-9a-f]{32})\)$/;
const ERAS = [
  { era: 'legacy', connect: (url) => bench.connectLegacy(url, bench.token) },
  { era: 'modern', connect: (url) => connectModern(url, bench.token) },
];

let bench;
before(async () => {
  bench = await Bench.start({ config: { policies: [path.join(rootFolder, 'tests/integration/policies-carried')] } });
});
after(() => bench?.stop());

for (const { era, connect } of ERAS) {
  for (const isAll of [false, true]) {
    describe(`the ${era} client on the endpoint of ${isAll ? 'all servers' : 'one server'}`, () => {
      const named = (name) => (isAll ? `everything__${name}` : name);
      let client;
      before(async () => {
        client = await connect(isAll ? bench.gateway.url : bench.serverUrl('everything'));
      });
      after(() => client?.close());

      /** Makes the request; what it gave, and the records about resources in it, which are of its decision. */
      async function carriedBy(request) {
        const sequence = await lastSequence(bench.state);
        const result = await request();
        const records = await auditRecords(bench.state, sequence);
        const intent = records.find(({ phase }) => phase === 'intent');
        const carried = records.filter(({ primitive, phase }) => primitive === 'resource' && phase === 'event');
        for (const record of carried) {
          assert.equal(record.decision_id, intent.decision_id);
          assert.equal(record.method, 'resources/read');
          assert.equal(record.direction, 'server');
          assert.equal(record.server, 'everything');
        }
        return { result, id: intent.decision_id, carried: carried.map(({ target, decision }) => `${decision} ${target}`) };
      }

      test('gets the links that it may follow', async () => {
        const { result, id, carried } = await carriedBy(() => client.callTool({ name: named('get-resource-links'), arguments: { count: 4 } }));
        const links = result.content.filter(({ type }) => type === 'resource_link').map(({ uri }) => uri);
        assert.deepEqual(links, [`${TEXT}2`, `${TEXT}4`]);
        const told = result.content.slice(1).filter(({ type }) => type === 'text').map(({ text }) => WITHHELD.exec(text)?.[1]);
        assert.deepEqual(told, [id, id]);
        assert.deepEqual(carried, [`deny ${BLOB}1`, `allow ${TEXT}2`, `deny ${BLOB}3`, `allow ${TEXT}4`]);
        const { contents } = await client.readResource({ uri: links[0] });
        assert.match(contents[0].text, /Resource 2/);
        await assert.rejects(client.readResource({ uri: `${BLOB}1` }), /binary resources stay at their server/);
      });

      test('gets embedded resources that it may read', async () => {
        const call = (resourceType) => client.callTool({ name: named('get-resource-reference'), arguments: { resourceType, resourceId: 5 } });
        const open = await carriedBy(() => call('Text'));
        assert.equal(open.result.content[1].resource.uri, `${TEXT}5`);
        assert.deepEqual(open.carried, [`allow ${TEXT}5`]);
        const closed = await carriedBy(() => call('Blob'));
        assert.match(closed.result.content[1].text, WITHHELD);
        assert.deepEqual(closed.result.content.map(({ type }) => type), ['text', 'text', 'text']);
        assert.deepEqual(closed.carried, [`deny ${BLOB}5`]);
        // What a text says is the server's own affair (docs/endpoints.md).
        assert.match(closed.result.content[2].text, new RegExp(BLOB));
      });

      test('gets prompts with resources that it may read', async () => {
        const get = (resourceType) => client.getPrompt({ name: named('resource-prompt'), arguments: { resourceType, resourceId: '3' } });
        const open = await carriedBy(() => get('Text'));
        assert.equal(open.result.messages[1].content.resource.uri, `${TEXT}3`);
        assert.deepEqual(open.carried, [`allow ${TEXT}3`]);
        const closed = await carriedBy(() => get('Blob'));
        assert.equal(closed.result.messages[1].content.type, 'text');
        assert.match(closed.result.messages[1].content.text, WITHHELD);
        assert.deepEqual(closed.carried, [`deny ${BLOB}3`]);
      });

      test('gets a result without resources as it is', async () => {
        const { result, carried } = await carriedBy(() => client.callTool({ name: named('echo'), arguments: { message: `see ${BLOB}1` } }));
        assert.match(resultText(result), new RegExp(`${BLOB}1`));
        assert.deepEqual(carried, []);
      });
    });
  }
}

// Read by whichever loop the request comes to: a new connection for each.
test('a link that no list has is read where it was said', async (context) => {
  const policies = [path.join(rootFolder, 'tests/integration/policies-carried')];
  const bench = await Bench.start({ hasRealServers: false, config: { policies } });
  context.after(() => bench.stop());
  const uri = 'note://said/once';
  const all = bench.gateway.url;
  const read = (target = uri) => rawRequest(all, modernRequest('resources/read', { uri: target }), bench.token);
  assert.equal((await read()).messages[0].error.code, -32602);
  bench.counting.onCall = async (response, { id }) => {
    const link = { type: 'resource_link', name: 'said', uri };
    const embedded = { type: 'resource', resource: { uri: 'note://said/blob/1', text: 'closed' } };
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', content: [link, embedded] } }));
  };
  try {
    const { messages } = await rawRequest(all, modernRequest('tools/call', { name: 'counting__read_report', arguments: {} }), bench.token);
    assert.equal(messages[0].result.content[0].uri, uri);
    assert.match(messages[0].result.content[1].text, WITHHELD);
  } finally {
    bench.counting.onCall = undefined;
  }
  for (let i = 0; i < 8; i++) {
    const { messages } = await read();
    assert.equal(messages[0].result.contents[0].text, `the text of ${uri}`);
  }
  // What was withheld was not said, and another caller was told nothing.
  assert.equal((await read('note://said/blob/1')).messages[0].error.code, 40301);
  const bob = await mintToken(bench.state, { subject: 'bob' });
  const other = await rawRequest(all, modernRequest('resources/read', { uri }), bob);
  assert.equal(other.messages[0].error.code, -32602);
});
