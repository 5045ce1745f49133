// Microsoft's login and Graph as far as groups are looked up, made by the test: who is of which groups, by tenant.
import { once } from 'node:events';
import http from 'node:http';

export const CLIENT = { id: '77aa0000-0000-0000-0000-000000000000', secret: 'the secret of our own client & more' };

export class Directory {
  /** Each request, newest last: `{ path, body, authorization }`. */
  requests = [];
  /** Replaces the answer of Graph: `(response) => void`. */
  onLookup;
  #groups = new Map();
  #tokens = new Map(); // to the tenant that each is of
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

  /** What somebody of a tenant is in; kind is users or servicePrincipals. */
  put(tenant, object, groups, kind = 'users') {
    this.#groups.set(`${tenant}/${kind}/${object}`, groups);
  }

  /** Nobody takes the tokens any more that were given out. */
  forgetTokens() {
    this.#tokens.clear();
  }

  lookups(object) {
    return this.requests.filter(({ path }) => path.includes(`/${object}/getMemberObjects`)).length;
  }

  tokenRequests(tenant) {
    return this.requests.filter(({ path }) => path === `/login/${tenant}/oauth2/v2.0/token`).length;
  }

  async #serve(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces).toString('utf8');
    const { authorization } = request.headers;
    this.requests.push({ path: request.url, body, authorization });
    const answer = (status, value) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    const login = /^\/login\/([^/]+)\/oauth2\/v2\.0\/token$/.exec(request.url);
    const lookup = /^\/graph\/v1\.0\/((users|servicePrincipals)\/[^/]+)\/getMemberObjects$/.exec(request.url);
    if (request.method !== 'POST' || (login ?? lookup) === null) answer(404, {});
    else if (login !== null) this.#logIn(login[1], new URLSearchParams(body), answer);
    else if (this.onLookup !== undefined) this.onLookup(response);
    else this.#lookUp(lookup[1], authorization, body, answer);
  }

  #logIn(tenant, form, answer) {
    const isOurs = form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret &&
      form.get('grant_type') === 'client_credentials' && form.get('scope') === `${this.url}/graph/.default`;
    if (!isOurs) {
      answer(401, { error: 'invalid_client' });
      return;
    }
    const token = `app.token.${++this.#count}`;
    this.#tokens.set(token, tenant);
    answer(200, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: token });
  }

  #lookUp(object, authorization, body, answer) {
    const tenant = this.#tokens.get(authorization?.replace(/^Bearer /, ''));
    const groups = this.#groups.get(`${tenant}/${object}`);
    if (tenant === undefined) answer(401, { error: { code: 'InvalidAuthenticationToken' } });
    else if (body !== '{"securityEnabledOnly":true}') answer(400, { error: { code: 'BadRequest' } });
    else if (groups === undefined) answer(404, { error: { code: 'Request_ResourceNotFound' } });
    else answer(200, { '@odata.context': 'https://graph.example/v1.0/$metadata#Collection(Edm.String)', value: groups });
  }
}
