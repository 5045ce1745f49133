// The tour of ./run: real servers behind the gateway, one allowed and one denied call, and their audit records.
// usage: node tour.mjs [--once]      AEGIS_BINARY names the gateway
import fs from 'node:fs/promises';
import path from 'node:path';

import {
  Processes, auditRecords, connectLegacy, filesystemCommand, lastSequence, mintToken, ownUser, resultText,
  rootFolder, startEverything, startGateway, writeFile,
} from './support.mjs';

const isOnce = process.argv.includes('--once');
const state = path.join(rootFolder, '.state');
const files = path.join(state, 'files');
const configFile = path.join(state, 'aegis.yaml');
const processes = new Processes();

// A port of its own for --once, so that it runs beside a gateway that stays up.
const listenPort = isOnce ? 0 : 8080;

function configuration(everythingUrl) {
  const command = filesystemCommand(files).map((word) => JSON.stringify(word)).join(', ');
  return `# Written by ./run; the next ./run writes it again.
version: 1
listen: { address: 127.0.0.1:${listenPort} }
state_dir: ${JSON.stringify(state)}
process: { server_user: ${JSON.stringify(ownUser)} }
policies: [${JSON.stringify(path.join(rootFolder, 'packaging/policies/demo'))}]
audit: { mode: strict }
identity:
  - name: development
    preset: development
    roles: [Developers]
servers:
  - name: everything
    url: ${everythingUrl}
    trust: third-party
  - name: filesystem
    command: [${command}]
    trust: third-party
`;
}

/** Tells the two records of a call, intent and outcome, or the one of a denial. */
async function showCall(title, call) {
  const before = await lastSequence(state);
  console.log(`\n${title}`);
  const result = await call();
  console.log(`  answer: ${result.isError ? 'denied: ' : ''}${resultText(result)}`);
  for (const record of await auditRecords(state, before)) {
    console.log(`  audit:  ${JSON.stringify(record)}`);
  }
  return result;
}

async function tour(url, token) {
  const client = await connectLegacy(url, token);
  const { tools } = await client.listTools();
  console.log(`\nalice (Developers) sees ${tools.length} tools: ${tools.map((tool) => tool.name).join(', ')}`);

  const allowed = await showCall('An allowed call: everything.echo', () =>
    client.callTool({ name: 'everything__echo', arguments: { message: 'hello through the gateway' } }));
  const denied = await showCall('A denied call: everything.get-env, which would show the environment', () =>
    client.callTool({ name: 'everything__get-env', arguments: {} }));
  await client.close();
  if (allowed.isError || !denied.isError) {
    throw new Error('the tour did not go as the policies say');
  }
}

function showClient(url, token) {
  const entry = { type: 'http', url, headers: { Authorization: `Bearer ${token}` } };
  console.log(`\nEndpoint: ${url}`);
  console.log(`\nClient configuration (the token is good for an hour; a new one: build/release/aegis token mint --help):`);
  console.log(JSON.stringify({ mcpServers: { aegis: entry } }, null, 2));
}

async function main() {
  await fs.mkdir(files, { recursive: true, mode: 0o700 });
  await writeFile(path.join(files, 'welcome.txt'), 'This file is behind the gateway.\n');
  const everything = await startEverything(processes);
  await writeFile(configFile, configuration(everything.url));
  const gateway = await startGateway(processes, configFile);
  const token = await mintToken(state);
  await tour(gateway.url, token);
  showClient(gateway.url, token);
  if (isOnce) return;
  console.log('\nThe gateway stays up; Ctrl-C ends it.');
  await Promise.race([gateway.child.ended, ...['SIGINT', 'SIGTERM'].map((signal) =>
    new Promise((resolve) => process.once(signal, resolve)))]);
}

try {
  await main();
} catch (error) {
  console.error(`./run: ${error.message}`);
  process.exitCode = 1;
} finally {
  await processes.stop();
}
