// HTTP with SSE, the transport of MCP 2024-11-05: the official client through the gateway to real servers.
import assert from 'node:assert/strict';
import { after, before as beforeAll, test } from 'node:test';

import { auditRecords, connectSse, lastSequence, mintToken, resultText } from '../peers/support.mjs';
import { Bench } from './helpers.mjs';

let bench;
beforeAll(async () => {
  bench = await Bench.start();
});
after(() => bench?.stop());

const sseUrl = (name) => `${bench.gateway.origin}/servers/${name}/sse`;

test('lists and calls over HTTP and over a child', async () => {
  for (const [server, tool, arguments_, text] of [
    ['everything', 'echo', { message: 'over sse' }, /over sse/],
    ['filesystem', 'list_allowed_directories', {}, /Allowed/],
  ]) {
    const client = await connectSse(sseUrl(server), bench.token);
    const names = (await client.listTools()).tools.map((each) => each.name);
    assert.ok(names.includes(tool), names);
    const sequence = await lastSequence(bench.state);
    assert.match(resultText(await client.callTool({ name: tool, arguments: arguments_ })), text);
    const records = (await auditRecords(bench.state, sequence)).filter((record) => record.target === `${server}.${tool}`);
    assert.deepEqual(records.map((record) => record.phase), ['intent', 'outcome']);
    await client.close();
  }
});

test('refuses by policy, with nothing at the server and one record', async () => {
  const client = await connectSse(sseUrl('counting'), bench.token);
  const sequence = await lastSequence(bench.state);
  const calls = () => bench.counting.messages.filter(({ method }) => method === 'tools/call').length;
  const before = calls();
  const result = await client.callTool({ name: 'forbidden', arguments: {} });
  assert.equal(result.isError, true);
  assert.match(resultText(result), /this tool is forbidden by the tests/);
  assert.equal(calls(), before);
  const denied = (await auditRecords(bench.state, sequence)).filter((record) => record.decision === 'deny');
  assert.deepEqual(denied.map((record) => record.target), ['counting.forbidden']);
  await client.close();
});

/** A stream that is read by hand: the address of its messages and its reader. */
async function openStream(server, token) {
  const controller = new AbortController();
  const response = await fetch(sseUrl(server), {
    headers: { Accept: 'text/event-stream', Authorization: `Bearer ${token}` }, signal: controller.signal,
  });
  assert.equal(response.status, 200);
  const reader = response.body.getReader();
  const text = new TextDecoder().decode((await reader.read()).value);
  const [, address] = /^event: endpoint\ndata: (.*)\n\n/.exec(text);
  return { address: new URL(address, sseUrl(server)), close: () => controller.abort() };
}

const post = (address, token, message) => fetch(address, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
  body: JSON.stringify(message),
});

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

test('takes messages from nobody but the caller of the stream, and not after it', async () => {
  const stream = await openStream('everything', bench.token);
  assert.equal((await post(stream.address, undefined, PING)).status, 401);
  const other = await mintToken(bench.state, { subject: 'mallory' });
  assert.equal((await post(stream.address, other, PING)).status, 404);
  const initialize = {
    jsonrpc: '2.0', id: 0, method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
  };
  assert.equal((await post(stream.address, bench.token, initialize)).status, 202);
  stream.close();
  // The gateway hears of the end when its socket does.
  let status = 202;
  while (status === 202) status = (await post(stream.address, bench.token, PING)).status;
  assert.equal(status, 404);
});

test('is no place for other methods', async () => {
  const headers = { Authorization: `Bearer ${bench.token}`, 'Content-Type': 'application/json', Accept: 'text/event-stream' };
  const posted = await fetch(sseUrl('everything'), { method: 'POST', headers, body: JSON.stringify(PING) });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get('allow'), 'GET');
  assert.equal((await fetch(sseUrl('everything'), { headers: { Accept: 'text/event-stream' } })).status, 401);
  assert.equal((await fetch(sseUrl('nobody'), { headers })).status, 404);
});
