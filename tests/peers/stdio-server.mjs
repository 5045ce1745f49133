// An MCP server of ours on stdin and stdout. Arguments: the eras it speaks, `legacy` or `modern`; default both.
import { createInterface } from 'node:readline';

import { Answers, ASKING_TOOL, FREE_TOOLS } from './answers.mjs';

const eras = process.argv.slice(2);
const answers = new Answers({ tools: [...FREE_TOOLS, ASKING_TOOL], ...(eras.length > 0 ? { eras } : {}) });

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.id !== undefined) {
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answers.outcome(message) })}\n`);
  }
}
