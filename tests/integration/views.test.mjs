// Views: a curated endpoint before real servers, in both eras.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { auditRecords, connectModern, lastSequence, resultText } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const VIEWS = [{
  name: 'dev',
  tools: ['everything.*', 'filesystem.list_allowed_directories', 'counting.forbidden'],
  rename: { 'everything.echo': 'say', 'counting.forbidden': 'harmless' },
  describe: { 'everything.echo': 'Says it again.' },
}];

let bench;
before(async () => {
  bench = await Bench.start({ config: { views: VIEWS } });
});
after(() => bench?.stop());

for (const [era, connect] of [['legacy', (url, token) => bench.connectLegacy(url, token)], ['modern', connectModern]]) {
  describe(`the ${era} client of a view`, () => {
    let client;
    before(async () => {
      client = await connect(`${bench.gateway.origin}/views/dev/mcp`, bench.token);
    });
    after(() => client?.close());

    test('sees what the view shows and the policies permit', async () => {
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((tool) => tool.name).sort(), ['filesystem__list_allowed_directories', 'say']);
      assert.equal(tools.find((tool) => tool.name === 'say').description, 'Says it again.');
    });

    test('calls by the new name, and the audit has the old one', async () => {
      const sequence = await lastSequence(bench.state);
      assert.match(resultText(await client.callTool({ name: 'say', arguments: { message: 'in a view' } })), /in a view/);
      const records = (await auditRecords(bench.state, sequence)).filter((record) => record.phase === 'intent');
      assert.deepEqual(records.map((record) => record.target), ['everything.echo']);
    });

    test('is refused by policy under whatever name', async () => {
      const result = await client.callTool({ name: 'harmless', arguments: {} });
      assert.equal(result.isError, true);
      assert.match(resultText(result), /this tool is forbidden by the tests/);
    });

    test('reaches nothing else', async () => {
      for (const name of ['everything__echo', 'counting__forbidden', 'counting__read_report', 'filesystem__read_text_file']) {
        await assert.rejects(client.callTool({ name, arguments: {} }), /unknown target/);
      }
    });
  });
}
