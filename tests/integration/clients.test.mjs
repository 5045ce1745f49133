// The official clients through the gateway to real servers: what they list, call and are refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { auditRecords, connectModern, lastSequence, mintToken, resultText } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

const ERAS = [
  { era: 'legacy', connect: (url, token) => bench.connectLegacy(url, token) },
  { era: 'modern', connect: connectModern },
];

let bench;
before(async () => {
  bench = await Bench.start();
});
after(() => bench?.stop());

for (const { era, connect } of ERAS) {
  describe(`the ${era} client`, () => {
    const connected = async (url, run) => {
      const client = await connect(url, bench.token);
      try {
        return await run(client);
      } finally {
        await client.close();
      }
    };

    test('lists of all servers what it may call', async () => {
      const { tools } = await connected(bench.gateway.url, (client) => client.listTools());
      const names = tools.map((tool) => tool.name);
      for (const name of ['everything__echo', 'filesystem__list_allowed_directories', 'counting__read_report']) {
        assert.ok(names.includes(name), `${name} in ${names}`);
      }
      for (const name of ['everything__get-env', 'filesystem__write_file', 'counting__forbidden']) {
        assert.ok(!names.includes(name), `${name} in ${names}`);
      }
    });

    test('sees the names of one server unchanged', async () => {
      const { tools } = await connected(bench.serverUrl('everything'), (client) => client.listTools());
      assert.deepEqual(tools.map((tool) => tool.name), ['echo']);
    });

    test('calls a tool over HTTP', async () => {
      const sequence = await lastSequence(bench.state);
      const result = await connected(bench.serverUrl('everything'), (client) =>
        client.callTool({ name: 'echo', arguments: { message: 'hello' } }));
      assert.equal(result.isError ?? false, false);
      assert.match(resultText(result), /hello/);
      const records = (await auditRecords(bench.state, sequence)).filter((record) => record.target === 'everything.echo');
      assert.deepEqual(records.map((record) => record.phase), ['intent', 'outcome']);
      assert.deepEqual(records.map((record) => record.decision), ['allow', 'allow']);
      assert.equal(new Set(records.map((record) => record.decision_id)).size, 1);
      assert.equal(records[0].subject, 'alice');
    });

    test('calls a tool of a child process', async () => {
      const result = await connected(bench.serverUrl('filesystem'), (client) =>
        client.callTool({ name: 'list_allowed_directories', arguments: {} }));
      assert.equal(result.isError ?? false, false);
      assert.match(resultText(result), /files/);
    });

    test('is refused a forbidden tool', async () => {
      await connected(bench.serverUrl('counting'), async (client) => {
        await client.callTool({ name: 'read_report', arguments: {} });
        const { answer, record } = await bench.refused(() => client.callTool({ name: 'forbidden', arguments: {} }));
        assert.equal(answer.isError, true);
        assert.match(resultText(answer), /this tool is forbidden by the tests/);
        assert.equal(record.type, 'authz.deny');
        assert.equal(record.decision, 'deny');
        assert.equal(record.target, 'counting.forbidden');
        assert.deepEqual(record.policies, ['tests.counting.forbidden']);
      });
    });

    test('is refused what no policy permits', async () => {
      await connected(bench.serverUrl('everything'), async (client) => {
        // Connected, the legacy client asks for a stream by itself, which is refused and recorded, too.
        await client.listTools();
        const { answer, record } = await bench.refused(() => client.callTool({ name: 'get-env', arguments: {} }));
        assert.equal(answer.isError, true);
        assert.equal(record.type, 'authz.deny');
        assert.equal(record.target, 'everything.get-env');
      });
    });

    test('is refused without a role that a policy names', async () => {
      const token = await mintToken(bench.state, { subject: 'mallory', roles: [] });
      const client = await connect(bench.serverUrl('counting'), token);
      const { answer, record } = await bench.refused(() => client.callTool({ name: 'read_report', arguments: {} }));
      await client.close();
      assert.equal(answer.isError, true);
      assert.equal(record.type, 'authz.deny');
      assert.equal(record.subject, 'mallory');
    });
  });
}
