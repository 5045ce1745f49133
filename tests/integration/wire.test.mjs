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
  await rawRequest(bench.serverUrl('counting'), modernCall('read_report'), bench.token);
});
after(() => bench?.stop());

async function judge(request, expect) {
  const url = bench.serverUrl('counting');
  if (expect.forwarded) {
    const seen = bench.counting.messages.length;
    const answer = await rawRequest(url, request, bench.token);
    assert.equal(answer.status, expect.http);
    assert.equal(bench.counting.messages.slice(seen).filter(({ method }) => method === 'tools/call').length, 1);
    assert.deepEqual(answer.messages.map((message) => message.error), [undefined]);
    return;
  }
  const { answer, record } = await bench.refused(() => rawRequest(url, request, bench.token));
  assert.equal(answer.status, expect.http);
  assert.ok(['wire.reject', 'limit.hit'].includes(record.type), `record ${JSON.stringify(record)}`);
  assert.ok(record.code.length > 0);
  // The code is the preferred one (README of the set): a head that HTTP refuses never becomes a message.
  if (expect.jsonrpc_code !== null && answer.body.length > 0) {
    assert.deepEqual(answer.messages.map((message) => message.error?.code), [expect.jsonrpc_code]);
  }
}

function buildBody({ head, repeat, counter, times, tail }) {
  const middle = counter === undefined
    ? repeat.repeat(times)
    : Array.from({ length: times }, (_, n) => counter.replace('%06d', String(n).padStart(6, '0'))).join('');
  return Buffer.from(head + middle + tail);
}

test('requests on the wire', { skip: sharedIsAbsent(cases) }, async (t) => {
  for (const { id, why, method, headers, body_b64: body, expect } of cases) {
    await t.test(`${id}: ${why}`, () => judge({ method, headers, body: Buffer.from(body, 'base64') }, expect));
  }
});

test('generated requests', { skip: sharedIsAbsent(generated) }, async (t) => {
  for (const { id, why, build, expect } of generated) {
    await t.test(`${id}: ${why}`, () => judge({ ...modernCall('read_report'), body: buildBody(build) }, expect));
  }
});
