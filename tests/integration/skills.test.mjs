// Skills through the gateway (SEP-2640): the client of the official SDK, which compares every file with its digest, before
// the official server as a program and the fixture of the conformance suite, in both eras.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { connectSkills } from '../peers/skill-client.mjs';
import { auditRecords, lastSequence, listeningUrl, mintToken, peersFolder, rootFolder } from '../peers/support.mjs';
import { Bench, MODERN, modernRequest, rawRequest } from './helpers.mjs';

const SKILLS = 'io.modelcontextprotocol/skills';
const DENIED = 40301;
const UNKNOWN = -32602;
const NO_METHOD = -32601;
const FOLDER_TYPE = 'inode/directory';
/** A busy machine starts programs slowly, and nothing here is about time. */
const PATIENCE = { list_timeout_ms: 600000, upstream_timeout_ms: 600000 };
/** What a target is asked for in each way. */
const METHODS = [
  ['skills/list', undefined], ['skills/get', 'skill://team/deploy/SKILL.md'], ['resources/directory/read', 'skill://team/deploy'],
];

let bench, visitor;
before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ processes }) => {
      const command = [process.execPath, path.join(peersFolder, 'skill-server.mjs')];
      const url = await listeningUrl(processes.start(process.execPath, [path.join(rootFolder, 'tests/fixtures/conformance-server.ts')]));
      return [
        { name: 'sdk', command, revision: MODERN, trust: 'internal', extensions: [SKILLS] },
        { name: 'fixture', url, revision: MODERN, trust: 'internal', extensions: [SKILLS] },
        { name: 'older', url, revision: '2025-11-25', trust: 'internal', extensions: [SKILLS] },
        { name: 'unlisted', command, revision: MODERN, trust: 'internal' },
      ];
    },
    config: {
      limits: PATIENCE,
      identity: [{ name: 'development', preset: 'development', roles: ['Developers', 'Visitors'] }],
      policies: [path.join(rootFolder, 'tests/integration/policies-skills')],
      views: [{ name: 'skills', resources: ['sdk', 'fixture'] }],
    },
  });
  visitor = await mintToken(bench.state, { subject: 'vic', roles: ['Visitors'] });
});
after(() => bench?.stop());

const namesOf = ({ skills }) => skills.map(({ frontmatter }) => frontmatter.name).sort();

function refused(promise, code) {
  return assert.rejects(promise, (error) => error.code === code);
}

async function ask(server, method, uri, token = bench.token) {
  const request = modernRequest(method, uri === undefined ? {} : { uri });
  const [message] = (await rawRequest(bench.serverUrl(server), request, token)).messages;
  return message;
}

for (const [era, mode] of [['legacy', 'legacy'], ['modern', { pin: MODERN }]]) {
  describe(`the ${era} client`, () => {
    const clients = [];
    const open = async (url) => {
      const { client, skills } = await connectSkills(url, bench.token, mode);
      clients.push(client);
      return skills;
    };
    after(() => Promise.all(clients.map((client) => client.close())));

    test('reads what it is shown, and everything is as its entry says', async () => {
      for (const [server, names] of [
        ['sdk', ['deploy', 'git-workflow', 'review']], ['fixture', ['git-workflow', 'refunds', 'travel']],
        ['older', ['git-workflow', 'refunds', 'travel']],
      ]) {
        const skills = await open(bench.serverUrl(server));
        assert.ok(skills.supported && skills.directoryRead);
        const listed = await skills.list();
        assert.deepEqual(namesOf(listed), names);
        for (const skill of listed.skills) {
          assert.deepEqual((await skills.get(skill.uri)).skill, skill);
          for (const { uri } of skill.resources) assert.equal((await skills.read(skill, uri)).verified, true);
        }
      }
    });

    test('does not get a skill of which it may not read a file', async () => {
      const skills = await open(bench.serverUrl('sdk'));
      const sequence = await lastSequence(bench.state);
      await refused(skills.get('skill://team/partly/SKILL.md'), DENIED);
      const records = await auditRecords(bench.state, sequence);
      const [file] = records.filter(({ method }) => method === 'resources/read');
      assert.deepEqual([file.target, file.decision, file.direction], ['skill://team/partly/closed.md', 'deny', 'server']);
      assert.deepEqual(file.policies, ['skills.closed']);
      const [intent] = records.filter(({ phase }) => phase === 'intent');
      assert.deepEqual([intent.method, intent.primitive, intent.decision_id], ['skills/get', 'resource', file.decision_id]);
    });

    test('lists folders, page by page', async () => {
      const sdk = await open(bench.serverUrl('sdk'));
      const { resources } = await sdk.readDirectory('skill://team/deploy/steps');
      assert.deepEqual(resources.map(({ uri, mimeType }) => [uri, mimeType === FOLDER_TYPE]).sort(), [
        ['skill://team/deploy/steps/first.md', false], ['skill://team/deploy/steps/more', true],
      ]);
      assert.deepEqual((await sdk.readDirectory('skill://team/partly')).resources.map(({ name }) => name), ['SKILL.md']);
      await refused(sdk.readDirectory('skill://team/review/SKILL.md'), UNKNOWN);
      const fixture = await open(bench.serverUrl('fixture'));
      const names = (await fixture.readDirectory('skill://acme/billing/refunds')).resources.map(({ name }) => name);
      assert.deepEqual(names.sort(), ['SKILL.md', 'examples', 'terms.md']);
    });

    test('has the skills of all servers at one address, but for those that two have', async () => {
      const skills = await open(`${bench.gateway.origin}/views/skills/mcp`);
      const listed = await skills.list();
      assert.deepEqual(namesOf(listed), ['deploy', 'refunds', 'review', 'travel']);
      for (const skill of listed.skills) {
        assert.deepEqual((await skills.get(skill.uri)).skill, skill);
        for (const { uri } of skill.resources) assert.equal((await skills.read(skill, uri)).verified, true);
      }
      await refused(skills.get('skill://git-workflow/SKILL.md'), UNKNOWN);
      await refused(skills.get('skill://nobody/SKILL.md'), UNKNOWN);
      const { resources } = await skills.readDirectory('skill://acme/billing/refunds/examples');
      assert.deepEqual(resources.map(({ name }) => name).sort(), ['email.md', 'long']);
    });

    test('does not hear of skills where the server may have none', async () => {
      const { client, skills } = await connectSkills(bench.serverUrl('unlisted'), bench.token, mode);
      assert.equal(skills.supported, false);
      assert.equal(client.getServerCapabilities().extensions, undefined);
      await client.close();
    });
  });
}

test('what is not listed for a server is no method', async () => {
  for (const [method, uri] of METHODS) {
    const sequence = await lastSequence(bench.state);
    assert.equal((await ask('unlisted', method, uri)).error.code, NO_METHOD, method);
    const [record] = (await auditRecords(bench.state, sequence)).filter((each) => each.method === method);
    assert.equal(record.code, 'mcp.capability');
  }
});

test('who may list folders and read nothing sees folders', async () => {
  const { result } = await ask('sdk', 'resources/directory/read', 'skill://team/deploy', visitor);
  assert.deepEqual(result.resources.map(({ uri }) => uri), ['skill://team/deploy/steps']);
  assert.deepEqual((await ask('sdk', 'skills/list', undefined, visitor)).result.skills, []);
  assert.equal((await ask('sdk', 'skills/get', 'skill://team/deploy/SKILL.md', visitor)).error.code, DENIED);
});
