// TLS on both sides: clients that trust the gateway's authority and clients that do not, servers whose certificates are
// good and servers whose are not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { CountingServer } from '../peers/counting-server.mjs';
import { auditRecords, lastSequence, peersFolder, rootFolder } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';
import { Authority } from './certificates.mjs';

const OLD = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };

const servers = {};
let bench;
let ours;
let theirs;

/** The servers behind, by name: `{ tls, ca }`, tls of the server, ca of the gateway for it. */
async function makeServers() {
  const good = await ours.issue('good');
  return {
    good: { tls: good, ca: ours.file },
    'only-tls12': { tls: { ...good, maxVersion: 'TLSv1.2' }, ca: ours.file },
    'wrong-authority': { tls: await theirs.issue('foreign'), ca: ours.file },
    'system-authorities': { tls: good },
    expired: { tls: await ours.issue('expired', { days: -1 }), ca: ours.file },
    'other-name': { tls: await ours.issue('other', { names: 'DNS:other.example,IP:127.0.0.2' }), ca: ours.file },
    'common-name-only': { tls: await ours.issue('localhost', { names: 'email:root@localhost' }), ca: ours.file },
    'old-version': { tls: { ...good, ...OLD }, ca: ours.file },
    'no-tls': { ca: ours.file },
  };
}

before(async () => {
  bench = await Bench.start({
    hasRealServers: false,
    more: async ({ folder }) => {
      ours = await Authority.make(folder, 'ours');
      theirs = await Authority.make(folder, 'theirs');
      const entries = [];
      for (const [name, { tls: options, ca }] of Object.entries(await makeServers())) {
        const server = await new CountingServer(options === undefined ? {} : { tls: options }).start();
        servers[name] = server;
        const url = server.url.replace('http:', 'https:').replace('127.0.0.1', name === 'good' ? 'localhost' : '127.0.0.1');
        entries.push({ name, url, ...(ca === undefined ? {} : { tls: { ca } }) });
      }
      return entries;
    },
    config: async () => ({
      listen: { address: '127.0.0.1:0', tls: (await ours.issue('gateway')).files },
      policies: [path.join(rootFolder, 'tests/integration/policies-open')],
    }),
  });
});
after(async () => {
  for (const server of Object.values(servers)) await server.stop();
  await bench?.stop();
});

/** What a client process says that trusts an authority and calls a tool of each server. */
async function callEach(era, names, authority) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(peersFolder, 'call-each.mjs'), era, bench.token, 'read_report', ...names.map((name) => bench.serverUrl(name))],
    { env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: authority.file } },
  );
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}

const GOOD = ['good', 'only-tls12', 'counting'];

for (const era of ['legacy', 'modern']) {
  test(`the ${era} client over TLS to servers over TLS`, async () => {
    assert.deepEqual(await callEach(era, GOOD, ours), GOOD.map(() => ({ text: 'read_report' })));
  });

  test(`the ${era} client that trusts another authority`, async () => {
    const sequence = await lastSequence(bench.state);
    const [{ error }] = await callEach(era, ['good'], theirs);
    assert.match(error, /UNABLE_TO_VERIFY|SELF_SIGNED|unable to verify/);
    assert.deepEqual(await auditRecords(bench.state, sequence), [], 'no request was made');
  });
}

test('servers that are not who they should be', async (t) => {
  const names = Object.keys(servers).filter((name) => !GOOD.includes(name));
  const sequence = await lastSequence(bench.state);
  const outcomes = await callEach('modern', names, ours);
  const records = await auditRecords(bench.state, sequence);
  for (const [i, name] of names.entries()) {
    await t.test(name, () => {
      // The handshake asks the server already, and its answer is all the client gets to see.
      assert.match(outcomes[i].message, /HTTP 503/);
      assert.deepEqual(servers[name].messages, [], 'no request arrived');
      const own = records.filter(({ method, server }) => method === 'server/discover' && server === name);
      assert.deepEqual(own.map(({ code }) => code), ['upstream_down'], JSON.stringify(own));
    });
  }
});

/** The version that a handshake with the gateway agrees on, or undefined. */
async function handshake(options) {
  const { port } = new URL(bench.gateway.url);
  const socket = tls.connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, ...options });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol();
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

test('the gateway speaks TLS 1.2 and newer', async () => {
  assert.equal(await handshake({ maxVersion: 'TLSv1.2' }), 'TLSv1.2');
  assert.equal(await handshake({}), 'TLSv1.3');
  assert.equal(await handshake(OLD), undefined);
});

test('plain HTTP on the port of TLS gets nothing', async () => {
  const sequence = await lastSequence(bench.state);
  await assert.rejects(fetch(bench.gateway.url.replace('https:', 'http:'), { method: 'POST', body: '{}' }));
  assert.deepEqual(await auditRecords(bench.state, sequence), []);
});
