// Where servers of the tests listen.
import { once } from 'node:events';

/**
 * Lets an HTTP server listen on loopback; returns host and port. It ends no connection because it is idle: a request that
 * comes at that moment, on a busy machine, would fail without anybody's fault.
 */
export async function listen(server, host = '127.0.0.1') {
  server.keepAliveTimeout = 0;
  server.listen(0, host);
  await once(server, 'listening');
  return `${host}:${server.address().port}`;
}
