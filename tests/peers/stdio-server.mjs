// An MCP server of ours on stdin and stdout. Arguments: the eras it speaks, `legacy` or `modern`; default both. What is of
// another era it refuses; with `silent` it does not answer to it, with `ends` it exits over it. `--log=FILE` gets a line
// for each process and for each method that reached it.
import fs from 'node:fs';
import { createInterface } from 'node:readline';

import { Answers, ASKING_TOOL, FREE_TOOLS } from './answers.mjs';

const words = process.argv.slice(2);
const eras = words.filter((word) => ['legacy', 'modern'].includes(word));
const log = words.find((word) => word.startsWith('--log='))?.slice('--log='.length);
const answers = new Answers({ tools: [...FREE_TOOLS, ASKING_TOOL], ...(eras.length > 0 ? { eras } : {}) });
const note = (text) => log === undefined || fs.appendFileSync(log, `${text}\n`);

note('start');
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.method !== undefined) note(message.method);
  const isStrange = !answers.speaks(message);
  if (isStrange && words.includes('ends')) process.exit(1);
  if (message.id !== undefined && !(isStrange && words.includes('silent'))) {
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answers.outcome(message) })}\n`);
  }
}
