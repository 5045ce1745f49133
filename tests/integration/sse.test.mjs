// The corpus of event streams, served by the counting server in one write, byte by byte, and in two pieces at every
// offset. AEGIS_LONG=1 takes all offsets, else every fifth.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Bench, corpusLines, modernCall, rawRequest, sharedIsAbsent } from './helpers.mjs';

const cases = await corpusLines('own-sse-streams/cases.jsonl');
const generated = await corpusLines('own-sse-streams/generated.jsonl');
const STRIDE = process.env.AEGIS_LONG === '1' ? 1 : 5;
const PIECE_BYTES = 65536;

let bench;
before(async () => {
  if (cases === undefined) return;
  bench = await Bench.start({ isLegacy: false, hasRealServers: false });
  await bench.warm('counting', 'read_report');
});
after(() => bench?.stop());

/** Resolves when the socket is closed, by an error of the peer or not. */
function closedOf(socket) {
  socket.on('error', () => {});
  return new Promise((resolve) => { socket.once('close', resolve); });
}

/** Calls the tool once while the server answers with these pieces. isClosed: the server saw its connection closed. */
async function callWith(contentType, pieces) {
  let upstream;
  bench.counting.onCall = async (response, message) => {
    upstream = { response, closed: closedOf(response.socket), id: message.id };
    response.on('error', () => {});
    response.writeHead(200, { 'Content-Type': contentType });
    response.flushHeaders();
    for (const piece of pieces(message)) {
      if (response.destroyed || response.socket === null) return;
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), upstream.closed]);
      await nextTurn();
    }
    response.end();
  };
  try {
    const answer = await rawRequest(bench.serverUrl('counting'), modernCall('read_report'), bench.token);
    return { answer, upstream };
  } finally {
    bench.counting.onCall = undefined;
  }
}

/** The corpus answers request 1 with progress token 1; the gateway asks under an id and a token of its own. */
function withId(bytes, { id, params }) {
  const token = JSON.stringify(params._meta?.progressToken ?? 1);
  const text = bytes.toString('latin1').replaceAll(/"id":1(?=[,}])/g, `"id":${JSON.stringify(id)}`)
    .replaceAll('"progressToken":1', `"progressToken":${token}`);
  return Buffer.from(text, 'latin1');
}

async function judge({ content_type: contentType, verdict, events, pieces }) {
  const { answer, upstream } = await callWith(contentType, pieces);
  if (verdict === 'pass') {
    const expected = events.filter((event) => event.data !== '').map((event) => JSON.parse(event.data));
    assert.deepEqual(answer.messages, expected);
    return;
  }
  const answers = answer.messages.filter((message) => message.id !== undefined);
  assert.equal(answers.length, 1, JSON.stringify(answer.messages));
  assert.equal(answers[0].id, 1);
  assert.equal(typeof answers[0].error?.code, 'number', JSON.stringify(answers[0]));
  assert.equal(answer.messages.at(-1), answers[0], 'nothing after the error');
  await upstream.closed;
}

/** The ways a stream is cut, as functions from its bytes to its pieces. */
function* splits(length) {
  yield { name: 'in one write', cut: (bytes) => [bytes] };
  yield { name: 'byte by byte', cut: (bytes) => Array.from(bytes, (byte) => Buffer.from([byte])) };
  for (let at = 1; at < length; at += STRIDE) {
    yield { name: `cut at ${at}`, cut: (bytes) => [bytes.subarray(0, at), bytes.subarray(at)] };
  }
}

function* repeated({ head, repeat, times, tail }) {
  const block = repeat.repeat(Math.max(1, Math.min(times, Math.floor(PIECE_BYTES / repeat.length))));
  yield Buffer.from(head);
  let left = repeat.length * times;
  for (; left >= block.length; left -= block.length) yield Buffer.from(block);
  yield Buffer.from(repeat.repeat(left / repeat.length) + tail);
}

test('event streams', { skip: sharedIsAbsent(cases) }, async (t) => {
  for (const row of cases) {
    await t.test(`${row.id}: ${row.why}`, async () => {
      const bytes = Buffer.from(row.raw_b64, 'base64');
      for (const { name, cut } of splits(bytes.length)) {
        try {
          await judge({ ...row, pieces: (message) => cut(withId(bytes, message)) });
        } catch (error) {
          error.message = `${name}: ${error.message}`;
          throw error;
        }
      }
    });
  }
});

test('generated event streams', { skip: sharedIsAbsent(generated) }, async (t) => {
  for (const { id, why, verdict, build } of generated) {
    await t.test(`${id}: ${why}`, async () => {
      const tail = (message) => withId(Buffer.from(build.tail), message).toString();
      const expected = verdict === 'pass' ? [{ data: build.tail.replace(/^data: /, '').trim() }] : [];
      await judge({
        content_type: 'text/event-stream', verdict, events: expected,
        pieces: (upstreamId) => repeated({ ...build, tail: tail(upstreamId) }),
      });
    });
  }
});
