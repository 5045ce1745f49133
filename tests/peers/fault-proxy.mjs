// Stands before a server on loopback and can be down, silent or lie, which the server itself cannot.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';

import { listen } from './listen.mjs';

export class FaultProxy {
  /** `(request, response) => isAnswered` before the server sees a request. */
  intercept = undefined;
  /** Ends every connection without an answer. */
  isDown = false;
  /** The paths of all requests, newest last. */
  requests = [];
  #server;
  #scheme;
  #target;

  /** tls: `cert` and `key`, to be spoken to with TLS. */
  constructor(tls) {
    const serve = (request, response) => this.#serve(request, response);
    this.#server = tls === undefined ? http.createServer(serve) : https.createServer(tls, serve);
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  async start() {
    this.url = `${this.#scheme}://${await listen(this.#server)}`;
    return this;
  }

  /** Requests go to the server at this address from now on. */
  to(target) {
    this.#target = target;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(request, response) {
    this.requests.push(request.url);
    if (this.isDown) {
      request.socket.destroy();
    } else if (this.intercept?.(request, response) !== true) {
      const { method, headers } = request;
      const onward = http.request(new URL(request.url, this.#target), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      request.pipe(onward);
    }
  }
}
