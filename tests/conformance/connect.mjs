// The client that the official suite starts for its scenarios of OAuth: a real one that starts `aegis connect`, which signs
// in at the server whose address is the last argument, by a browser that goes where it is sent.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { startStdio } from '../peers/support.mjs';

const MODERN = '2026-07-28';
const DOCUMENT = 'https://conformance-test.local/client-metadata.json'; // the client that the suite knows
const BROWSER = `#!/bin/sh\nexec '${process.execPath}' -e 'fetch(process.argv[1]).then((page) => page.text())' "$1"\n`;

const upstream = process.argv.at(-1);
const era = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === MODERN ? 'modern' : 'legacy';
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-connect-'));
try {
  await fs.writeFile(path.join(folder, 'xdg-open'), BROWSER, { mode: 0o755 });
  // The client that the scenario has registered, if it has.
  const { client_id: id, client_secret: secret } = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
  const known = process.env.MCP_CONFORMANCE_SCENARIO === 'auth/basic-cimd' ? ['--client-id', DOCUMENT]
    : id === undefined ? [] : ['--client-id', id, '--client-secret-env', 'CLIENT_SECRET'];
  const options = ['connect', '--state', path.join(folder, 'state'), ...known, upstream];
  const environment = { PATH: `${folder}:${process.env.PATH}`, ...(id === undefined ? {} : { CLIENT_SECRET: secret }) };
  const session = await startStdio(era, options, path.join(folder, 'errors'), environment);
  const client = await session.ready;
  if (client instanceof Error) throw new Error(session.errors(), { cause: client });
  const { tools } = await client.listTools();
  for (const { name } of tools) await client.callTool({ name, arguments: {} });
  await client.close();
} finally {
  await fs.rm(folder, { recursive: true, force: true });
}
