// The corpus of requests on the wire, over real sockets: status, whether it was forwarded, and the record.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Bench, corpusLines, modernCall, rawRequest, sharedIsAbsent } from './helpers.mjs';

const cases = await corpusLines('own-wire-jsonrpc/cases.jsonl');
const generated = await corpusLines('own-wire-jsonrpc/generated.jsonl');

let bench;
before(async () => {
  if (cases === undefined) return;
  bench = await Bench.start({ isLegacy: false, hasRealServers: false });
  await bench.warm('counting', 'read_report');
});
after(() => bench?.stop());

async function judgeForwarded({ request, expect }) {
  const seen = bench.counting.messages.length;
  const answer = await rawRequest(bench.serverUrl('counting'), request, bench.token);
  assert.equal(answer.status, expect.http);
  assert.equal(bench.counting.messages.slice(seen).filter(({ method }) => method === 'tools/call').length, 1);
  assert.deepEqual(answer.messages.map((message) => message.error), [undefined]);
}

function judgeRefused({ expect }, { answer, record }) {
  assert.equal(answer.status, expect.http);
  assert.ok(['wire.reject', 'limit.hit'].includes(record.type), `record ${JSON.stringify(record)}`);
  assert.ok(record.code.length > 0);
  // The code is the preferred one (README of the set): a head that HTTP refuses never becomes a message.
  if (expect.jsonrpc_code !== null && answer.body.length > 0) {
    assert.deepEqual(answer.messages.map((message) => message.error?.code), [expect.jsonrpc_code]);
  }
}

async function judgeAll(t, rows) {
  const refused = rows.filter(({ expect }) => !expect.forwarded);
  const outcomes = await bench.refusedAll(refused.map(({ request }) => () =>
    rawRequest(bench.serverUrl('counting'), request, bench.token)));
  for (const row of rows) {
    const outcome = outcomes[refused.indexOf(row)];
    await t.test(row.name, () => (outcome === undefined ? judgeForwarded(row) : judgeRefused(row, outcome)));
  }
}

function buildBody({ head, repeat, counter, times, tail }) {
  const middle = counter === undefined
    ? repeat.repeat(times)
    : Array.from({ length: times }, (_, n) => counter.replace('%06d', String(n).padStart(6, '0'))).join('');
  return Buffer.from(head + middle + tail);
}

test('requests on the wire', { skip: sharedIsAbsent(cases) }, (t) => judgeAll(t, cases.map((row) => ({
  name: `${row.id}: ${row.why}`,
  request: { method: row.method, headers: row.headers, body: Buffer.from(row.body_b64, 'base64') },
  expect: row.expect,
}))));

test('generated requests', { skip: sharedIsAbsent(generated) }, (t) => judgeAll(t, generated.map((row) => ({
  name: `${row.id}: ${row.why}`,
  request: { ...modernCall('read_report'), body: buildBody(row.build) },
  expect: row.expect,
}))));
