// `aegis proxy`: what servers ask of clients through it, with the official clients and servers of both eras on both sides, at
// an address and as a program.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import {
  Processes, aegis, connectLegacy, connectModern, listeningUrl, peersFolder, resultText, rootFolder, startAegis,
} from '../peers/support.mjs';

const CAPABILITIES = { sampling: {}, roots: {}, elicitation: { form: {}, url: {} } };
const ROOTS = { roots: [{ uri: 'file:///home/ann', name: 'home' }] };
const SAMPLED = { role: 'assistant', model: 'none', content: { type: 'text', text: 'ann' } };
const ANSWERS = {
  'elicitation/create': ({ mode }) => ({ action: 'accept', ...(mode === 'url' ? {} : { content: { name: 'ann' } }) }),
  'roots/list': () => ROOTS,
  'sampling/createMessage': () => SAMPLED,
};
/** What a server gets of each that is allowed, by the tool that asks. */
const ALLOWED = {
  ask_user: { action: 'accept', content: { name: 'ann' } },
  ask_page: { action: 'accept' },
  ask_roots: ROOTS,
};
const METHODS = {
  ask_user: 'elicitation/create', ask_page: 'elicitation/create', ask_roots: 'roots/list', ask_model: 'sampling/createMessage',
};
const PROGRAMS = { legacy: path.join(peersFolder, 'asking-server.mjs'), modern: path.join(peersFolder, 'sdk-asking-server.mjs') };
const CLIENTS = { legacy: connectLegacy, modern: connectModern };
const openPolicies = path.join(rootFolder, 'tests/integration/policies-open');

const processes = new Processes();
const servers = {};
const open = {}; // proxies with policies that permit everything, in front of programs
let folder;
before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-proxy-'));
  for (const [era, program] of Object.entries(PROGRAMS)) {
    servers[era] = await listeningUrl(processes.start(process.execPath, [program, 'http']));
    open[era] = await startProxy(era, 'program', '--policy', openPolicies);
  }
});
after(async () => {
  await processes.stop();
  await fs.rm(folder, { recursive: true, force: true });
});

let proxies = 0;
/** A proxy in front of the server of that era: its address, and the folder of its journal. */
async function startProxy(serverEra, way, ...more) {
  const state = path.join(folder, `${proxies++}`);
  const server = way === 'address' ? ['--upstream', servers[serverEra]] : ['--', process.execPath, PROGRAMS[serverEra], 'stdio'];
  const { url, child } = await startAegis(processes, ['proxy', '--no-auth', '--state', state, ...more, ...server]);
  return { url, journal: path.join(state, `proxy-${child.pid}`) };
}

/** The client, which keeps in `asked` what it was asked. */
async function connect(era, url, capabilities = CAPABILITIES) {
  const asked = [];
  const prepare = (client, schemas) => {
    const known = {
      'elicitation/create': schemas?.ElicitRequestSchema,
      'roots/list': schemas?.ListRootsRequestSchema,
      'sampling/createMessage': schemas?.CreateMessageRequestSchema,
    };
    for (const [method, schema] of Object.entries(known)) {
      if (!Object.hasOwn(capabilities, method.split('/')[0])) continue;
      client.setRequestHandler(schema ?? method, async ({ params }) => {
        asked.push(method);
        return ANSWERS[method](params ?? {});
      });
    }
  };
  return Object.assign(await CLIENTS[era](url, undefined, { capabilities, prepare }), { asked });
}

const call = (client, name) => client.callTool({ name, arguments: {} });

async function recordsOf(journal, method) {
  const text = await aegis('audit', 'tail', '--dir', journal, '-n', '1000', '--output', 'json');
  const records = text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  return records.filter((record) => record.method === method).map(({ direction, decision }) => `${direction} ${decision}`);
}

for (const clientEra of ['legacy', 'modern']) {
  for (const serverEra of ['legacy', 'modern']) {
    for (const way of ['address', 'program']) {
      describe(`a ${clientEra} client at a ${serverEra} server by its ${way}`, () => {
        let proxy, client;
        before(async () => {
          // Older clients get no sessions of the SDK's server over HTTP, so it could not ask them in their own revision.
          const isBridged = clientEra === 'legacy' && serverEra === 'modern' && way === 'address';
          proxy = await startProxy(serverEra, way, ...(isBridged ? ['--revision', '2026-07-28'] : []));
          client = await connect(clientEra, proxy.url);
        });
        after(() => client?.close());

        for (const [tool, expected] of Object.entries(ALLOWED)) {
          test(`${tool} is answered`, async () => {
            const before = client.asked.length;
            const recorded = (await recordsOf(proxy.journal, METHODS[tool])).length;
            assert.deepEqual(JSON.parse(resultText(await call(client, tool))), expected);
            assert.deepEqual(client.asked.slice(before), [METHODS[tool]]);
            assert.deepEqual((await recordsOf(proxy.journal, METHODS[tool])).slice(recorded), ['server allow', 'client allow']);
          });
        }

        test('the model of the client is not lent to it', async () => {
          const before = client.asked.length;
          const result = await call(client, 'ask_model');
          assert.ok(result.isError === true || Object.hasOwn(JSON.parse(resultText(result)), 'code'));
          assert.deepEqual(client.asked.slice(before), []);
          // A server that heeds what it was offered does not even ask.
          for (const record of await recordsOf(proxy.journal, METHODS.ask_model)) assert.equal(record, 'server deny');
        });
      });
    }

    test(`a ${clientEra} client lends its model to a ${serverEra} server, when the policies say so`, async () => {
      const client = await connect(clientEra, open[serverEra].url);
      assert.deepEqual(JSON.parse(resultText(await call(client, 'ask_model'))), SAMPLED);
      assert.deepEqual(client.asked, ['sampling/createMessage']);
      await client.close();
    });

    test(`a ${clientEra} client that can be asked nothing hears nothing of a ${serverEra} server`, async () => {
      const client = await connect(clientEra, open[serverEra].url, {});
      for (const tool of Object.keys(METHODS)) {
        const result = await call(client, tool).catch(({ code }) => ({ isError: true, code }));
        const isRefused = result.isError === true || /"code":|decline|"roots":\[\]/.test(resultText(result));
        assert.ok(isRefused, `${tool}: ${JSON.stringify(result)}`);
      }
      assert.deepEqual(client.asked, []);
      await client.close();
    });
  }
}
