// A real authorization server on loopback, which people sign in to with forms and which tests can rotate, stop and lead.
import crypto from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

import { Provider, errors } from 'oidc-provider';

import { listen } from './listen.mjs';

/** A grant of our own: an access token of any person without a browser, with any claims. */
const TEST_GRANT = 'urn:aegis:test';
/** Accepts what the person typed, or says no. */
const FORM = `<!doctype html><form method="post"><input name="login"><button name="answer" value="yes">Sign in</button>
<button name="answer" value="no">Cancel</button></form>`;
const LIVES_S = 3600;
const TESTER = {
  client_id: 'tester', client_secret: 'a secret of the tests, no longer than this', grant_types: [TEST_GRANT],
  redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_post',
};
/** The client of the gateway's own that asks about tokens. */
export const ASKING = {
  client_id: 'gateway:asking', client_secret: 'another secret, with a % and a :', grant_types: [], redirect_uris: [], response_types: [],
  token_endpoint_auth_method: 'client_secret_basic',
};

/** A signing key as a private JWK. algorithm: 'RS256' or 'ES256'. */
export function signingKey(kid, algorithm = 'RS256') {
  const [type, options] = algorithm === 'RS256' ? ['rsa', { modulusLength: 2048 }] : ['ec', { namedCurve: 'P-256' }];
  const { privateKey } = crypto.generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
}

/** What a provider keeps, in a map that outlives it: another one, with other keys, goes on with it. */
function adapterOver(map) {
  return class {
    constructor(model) {
      this.key = (id) => `${model} ${id}`;
    }

    async upsert(id, payload) {
      map.set(this.key(id), payload);
      if (payload.uid !== undefined) map.set(this.key(`uid ${payload.uid}`), payload);
    }

    async find(id) {
      return map.get(this.key(id));
    }

    async findByUid(uid) {
      return map.get(this.key(`uid ${uid}`));
    }

    async consume(id) {
      map.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      map.delete(this.key(id));
    }

    async revokeByGrantId(grantId) {
      for (const [key, payload] of map) if (payload.grantId === grantId) map.delete(key);
    }
  };
}

export class AuthorizationServer {
  /** `(request, response) => isAnswered` before the provider sees a request. */
  intercept = undefined;
  /** Ends every connection without an answer. */
  isDown = false;
  /** The paths of all requests, newest last. */
  requests = [];
  #server = http.createServer((request, response) => this.#serve(request, response));
  #options;
  #provider;
  /** What the claims and the header of a token have besides. */
  #changes = new WeakMap();
  #adapter = adapterOver(new Map());

  /**
   * resources: the scopes of each resource that tokens may be for, `{ URL: 'scope scope' }`; more can be added.
   * opaque: those of them whose tokens only the server can read.
   * audience: that tokens name in place of their resource. roles: `{ subject: [...] }`. ttl_s: of access tokens. provider: members of the provider's configuration.
   */
  constructor({ resources = {}, opaque = [], audience, roles = {}, ttl_s = 300, clients = [], provider = {} } = {}) {
    this.#options = { opaque, audience, roles, ttl_s, clients, provider };
    this.resources = resources;
  }

  async start() {
    this.url = `http://${await listen(this.#server)}`;
    this.publish([signingKey('first'), signingKey('first-ec', 'ES256')]);
    return this;
  }

  /** Serves these keys from now on and signs with the first that fits; what it knows of clients and tokens stays. */
  publish(keys) {
    this.keys = keys;
    this.#provider = this.#newProvider();
  }

  get jwksUrl() {
    return `${this.url}/jwks`;
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** An access token, or with kind 'refresh' one that renews. claims: added, or replaced; header: likewise. */
  async token({ subject = 'alice', resource, scope, claims = {}, header = {}, kind = 'access' }) {
    const form = new URLSearchParams({
      grant_type: TEST_GRANT, client_id: TESTER.client_id, client_secret: TESTER.client_secret, subject, resource, kind,
      claims: JSON.stringify(claims), header: JSON.stringify(header), ...(scope === undefined ? {} : { scope }),
    });
    const response = await fetch(`${this.url}/token`, { method: 'POST', body: form });
    const answer = await response.json();
    if (!response.ok) throw new Error(`no token: ${JSON.stringify(answer)}`);
    return answer.access_token;
  }

  /** Takes a token back. */
  async revoke(token) {
    const form = new URLSearchParams({ token, client_id: TESTER.client_id, client_secret: TESTER.client_secret });
    const { ok, status } = await fetch(`${this.url}/token/revocation`, { method: 'POST', body: form });
    if (!ok) throw new Error(`not taken back: ${status}`);
  }

  async #serve(request, response) {
    this.requests.push(request.url);
    if (this.isDown) {
      request.socket.destroy();
    } else if (this.intercept?.(request, response) !== true) {
      if (request.url.startsWith('/sign-in/')) await this.#signIn(request, response);
      else this.#provider.callback()(request, response);
    }
  }

  /** The page of a person: GET shows a form, POST has its answer. */
  async #signIn(request, response) {
    if (request.method === 'GET') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(FORM);
      return;
    }
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const form = new URLSearchParams(Buffer.concat(pieces).toString('utf8'));
    const result = form.get('answer') === 'yes'
      ? await this.#consent(await this.#provider.interactionDetails(request, response), form.get('login'))
      : { error: 'access_denied', error_description: 'the person said no' };
    await this.#provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  /** The person agrees to all that was asked. */
  async #consent({ params, grantId }, accountId) {
    const { Grant } = this.#provider;
    const grant = grantId === undefined ? new Grant({ accountId, clientId: params.client_id }) : await Grant.find(grantId);
    grant.addOIDCScope(params.scope ?? '');
    for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, params.scope ?? '');
    // Whatever kind of sign-in was wished for: the person can do it.
    const [acr] = (params.acr_values ?? '').split(' ').filter((value) => value !== '');
    return { login: { accountId, acr }, consent: { grantId: await grant.save() } };
  }

  #resource(name) {
    const scope = this.resources[name];
    if (scope === undefined) throw new errors.InvalidTarget();
    const { opaque, audience = name, ttl_s } = this.#options;
    const accessTokenFormat = opaque.includes(name) ? 'opaque' : 'jwt';
    return { scope, audience, accessTokenFormat, accessTokenTTL: ttl_s, jwt: { sign: { alg: this.keys[0].alg } } };
  }

  #newProvider() {
    const { clients, roles, provider: more } = this.#options;
    const provider = new Provider(this.url, {
      adapter: this.#adapter,
      jwks: { keys: this.keys },
      clients: [TESTER, ASKING, ...clients],
      cookies: { keys: ['of the tests'] },
      interactions: { url: (context, { uid }) => `/sign-in/${uid}` },
      findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      ttl: {
        AccessToken: (context, token) => token.resourceServer?.accessTokenTTL ?? LIVES_S,
        ...Object.fromEntries(['Grant', 'IdToken', 'Interaction', 'RefreshToken', 'Session'].map((name) => [name, LIVES_S])),
      },
      // A person's refresh tokens live on without offline_access, which clients of MCP do not ask for by themselves.
      issueRefreshToken: (context, client) => client.grantTypeAllowed('refresh_token'),
      scopes: [...new Set(Object.values(this.resources).flatMap((scope) => scope.split(' '))), 'openid', 'offline_access'],
      extraTokenClaims: (context, token) => ({ roles: roles[token.accountId] ?? [] }),
      formats: {
        customizers: {
          jwt: (context, token, parts) => {
            const { header, claims } = this.#changes.get(token) ?? {};
            parts.header = { ...header };
            const { acr, authTime } = context.oidc.entities.AuthorizationCode ?? {};
            Object.assign(parts.payload, { roles: roles[token.accountId] ?? [], acr, auth_time: authTime, ...claims });
          },
        },
      },
      ...more,
      features: {
        devInteractions: { enabled: false },
        introspection: { enabled: true, allowedPolicy: (context, client) => client.clientId === ASKING.client_id },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: {
          enabled: true,
          useGrantedResource: () => true,
          getResourceServerInfo: (context, name) => this.#resource(name),
        },
        ...more.features,
      },
    });
    provider.registerGrantType(TEST_GRANT, (context) => this.#testGrant(context), ['subject', 'resource', 'scope', 'claims', 'header', 'kind']);
    return provider;
  }

  async #testGrant(context) {
    const { client, params, provider } = context.oidc;
    const info = this.#resource(params.resource);
    const scope = params.scope ?? info.scope;
    const grant = new provider.Grant({ accountId: params.subject, clientId: client.clientId });
    grant.addResourceScope(params.resource, scope);
    const Token = params.kind === 'refresh' ? provider.RefreshToken : provider.AccessToken;
    const token = new Token({ accountId: params.subject, client, grantId: await grant.save(), gty: 'test', scope });
    if (params.kind !== 'refresh') token.resourceServer = new provider.ResourceServer(params.resource, info);
    this.#changes.set(token, { claims: JSON.parse(params.claims), header: JSON.parse(params.header) });
    context.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: token.expiration, scope };
  }
}
