// Prints docs/carriers.md from the table: node tests/carriers/page.mjs >docs/carriers.md
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import {
  CARRIERS, DECISIONS, MODERN, PARTS, PRIMITIVES, QUESTIONS, REQUESTS, REVISIONS, WITHHELD, allCells, cellsOf, expectationOf,
} from './table.mjs';

const PLACES = Object.keys(PARTS);

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function marks(carrier, primitives) {
  return REVISIONS.map((revision) => {
    const cells = cellsOf(carrier, revision).filter(({ primitive }) => primitives.includes(primitive));
    return cells.length === 0 ? '' : `${cells.length}`;
  });
}

/** One line of what a cell must show, in words. */
function seen({ client, server, records }) {
  const asked = client.asked.length === 0 ? '' : 'the question; then ';
  const outcome = client.result !== undefined ? 'the result' : client.isError ? 'a result with `isError`' : `error ${client.error}`;
  const answers = server.answers.map(({ result, error }) => `\`${JSON.stringify(result ?? error)}\``);
  const requests = server.requests.length === 0 ? 'nothing' : 'the request';
  const parts = JSON.stringify(client).includes(WITHHELD) ? ', without what is denied' : '';
  return [`${asked}${outcome}${parts}`, [requests, ...answers].join(', then '), records.join('; ')];
}

function seenIn(revision, primitives) {
  const carrier = CARRIERS.find(({ id }) => id === 'stream');
  const cells = cellsOf(carrier, revision).filter(({ primitive }) => primitives.includes(primitive));
  return table(
    ['', 'the client got', 'the server got', 'records'],
    cells.map((cell) => [`${cell.primitive}, ${cell.decision}`, ...seen(expectationOf(cell))]),
  );
}

function places() {
  return PLACES.map((place) => `- ${place}: ${PARTS[place].title}`).join('\n');
}

export function page() {
  const head = ['way', ...REVISIONS];
  const row = (primitives) => CARRIERS.filter((carrier) => marks(carrier, primitives).some((mark) => mark !== ''))
    .map((carrier) => [carrier.title, ...marks(carrier, primitives)]);
  return `# Carriers

What Aegis judges can travel in many ways. This page is printed from the table that the test
\`tests/integration/carriers.test.mjs\` runs, which fails when the page is not that of the table. Each of the ${allCells().length} cells is
one exchange between a client and a server that read and write the wire themselves: one primitive or one place where a resource
can be carried, one way, one revision, and one of ${DECISIONS.join(', ')}. Looked at are what the client got, what reached
the server, and every record.

## What clients use: ${REQUESTS.join(', ')}

The numbers say how many cells there are.

${table(head, row(REQUESTS))}

A rewrite gives the server its own name in place of the endpoint's (\`server__name\`), the normal form of an address, and in all
cells a progress token of the gateway.

## What servers ask: ${QUESTIONS.join(', ')}

${table(head, row(QUESTIONS))}

Rewritten are \`includeContext\`, members that the protocol does not have, fields of an answer that were not asked for, and the
list of roots. An error -32042 is refused between these ends, and a question that offers to be a task always rewritten.

## What something else carries: resources

Links and embedded resources are judged like reads of their addresses ([endpoints](endpoints.md#addresses-in-results)). In six
places:

${places()}

Links are there from 2025-06-18 on and questions about results of tools from 2025-11-25 on. Tasks are of tools.

${table(head, row(PLACES))}

A denied resource is alone there, and what it stands in is not denied: the client gets a text in its place. Rewritten is
what has one that may be read and one that may not.

## What must be seen

In the revisions with a handshake, on every way alike:

${seenIn('2025-11-25', PRIMITIVES)}

Resources, in the same revisions:

${seenIn('2025-11-25', PLACES)}

In ${MODERN}, where questions are in results (what clients use is as above):

${seenIn(MODERN, [...QUESTIONS, 'quote'])}

Where a prompt or a resource asks, its name stands for that of the tool, and where there is no answer an error 40301 for the result
with \`isError\`. The state of a task is told after a look of Aegis, which has the records of one that the client takes.
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(page());
