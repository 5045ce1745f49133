// An issuer whose tokens only it can read, made by the test: it says of each token what it is told to.
import { once } from 'node:events';
import http from 'node:http';

export const CLIENT = { id: 'aegis gateway', secret: 'a secret: with 100% of the odd bytes' };
const escaped = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
const BASIC = `Basic ${Buffer.from(`${escaped(CLIENT.id)}:${escaped(CLIENT.secret)}`).toString('base64')}`;

export class AskedIssuer {
  /** Each question, newest last: `{ path, token, form, authorization }`. */
  questions = [];
  /** Answers to tokens: an object, or `(response) => void` that answers itself. */
  #answers = new Map();
  #count = 0;
  #server = http.createServer((request, response) => this.#serve(request, response));

  async start() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** A new token that is answered like this; members that are undefined are left out. */
  token(answer, prefix = 'opaque-') {
    const token = `${prefix}${++this.#count}.of_the~tests`;
    this.#answers.set(token, answer);
    return token;
  }

  /** What is said of a token from now on. */
  say(token, answer) {
    this.#answers.set(token, answer);
  }

  /** How often was it asked about a token? */
  asked(token) {
    return this.questions.filter((question) => question.token === token).length;
  }

  async #serve(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const form = new URLSearchParams(Buffer.concat(pieces).toString('utf8'));
    const isGoogle = request.url === '/tokeninfo';
    const token = form.get(isGoogle ? 'access_token' : 'token');
    const { authorization } = request.headers;
    this.questions.push({ path: request.url, token, form, authorization, method: request.method });
    const isKnown = isGoogle || authorization === BASIC ||
      (form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret);
    if (!isKnown || request.method !== 'POST') {
      response.writeHead(401, { 'Content-Type': 'application/json' }).end('{"error":"invalid_client"}');
      return;
    }
    const answer = this.#answers.get(token);
    if (typeof answer === 'function') {
      answer(response);
    } else if (isGoogle && answer === undefined) {
      response.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_token","error_description":"Invalid Value"}');
    } else {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer ?? { active: false }));
    }
  }
}
