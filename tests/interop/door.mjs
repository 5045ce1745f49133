// What the tests of the front door share: providers that know the gateway alone, a person's browser, and a client that shows
// each of its steps.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

import { AuthorizationServer } from '../peers/authorization-server.mjs';
import { signIn } from '../peers/browser.mjs';

export const RESOURCE = 'https://aegis.tests.example';
export const SECRET = 'a secret of the gateway, for the tests alone';
export const CALLBACK = 'https://client.tests.example/cb';

/** What the gateway must have in its environment. */
export const ENVIRONMENT = { TESTS_CLIENT_SECRET: SECRET };

/** A provider that registers nobody, and knows the gateway at that origin, for its entry of that name. */
export async function startProvider(origin, name, { scope = 'mcp:call', ...options } = {}) {
  return new AuthorizationServer({
    resources: { [RESOURCE]: scope },
    roles: { alice: ['Developers'] },
    clients: [{
      client_id: 'aegis', client_secret: SECRET, redirect_uris: [`${origin}/sign-in/${name}/callback`],
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post',
    }],
    ...options,
  }).start();
}

/** The entry of a provider in the configuration. more, signIn: members besides. */
export function entryOf(name, provider, { sign_in: more, ...rest } = {}) {
  return {
    name, issuer: provider.url, audience: RESOURCE, jwks: provider.jwksUrl, roles: ['Developers'],
    sign_in: {
      client_id: 'aegis', client_secret: { env: 'TESTS_CLIENT_SECRET' },
      authorization_endpoint: `${provider.url}/auth`, token_endpoint: `${provider.url}/token`,
      scopes: ['openid', 'mcp:call'], resource: RESOURCE, ...more,
    },
    ...rest,
  };
}

/** A person's browser, as far as the gateway's pages go. */
export class Browser {
  cookie;

  async open(address, form, page = new URL(address).origin) {
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { ...(this.cookie === undefined ? {} : { Cookie: this.cookie }), ...(form === undefined ? {} : { Origin: page }) },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    const [cookie] = response.headers.getSetCookie();
    if (cookie !== undefined) {
      assert.match(cookie, /^__Host-.*; Path=\/; Secure; HttpOnly; SameSite=Lax/);
      this.cookie = cookie.split(';')[0];
    }
    return { status: response.status, text: await response.text(), location: response.headers.get('location'), headers: response.headers };
  }

  /** The page that asks; returns its ticket. */
  async ask(address) {
    const page = await this.open(address);
    assert.equal(page.status, 200, page.text);
    return /name="ticket" value="([^"]+)"/.exec(page.text)[1];
  }

  /** Says yes on our page; returns the address of the provider, unvisited. */
  async allow(address) {
    const ticket = await this.ask(address);
    const { status, location, text } = await this.open(address.replace(/\/authorize\?.*/, '/consent'), { ticket, decision: 'allow' });
    assert.equal(status, 303, text);
    return location;
  }

  /** And at the provider; returns the address back to the gateway, unvisited. */
  async agree(address) {
    return signIn(await this.allow(address));
  }

  /** The whole way; returns the client's own address. */
  async signIn(address) {
    const { status, location, text } = await this.open(await this.agree(address));
    assert.equal(status, 303, text);
    return new URL(location);
  }
}

/** A client of our own at one door. */
export class Door {
  /** resource: an endpoint of the gateway. */
  constructor(origin, name, resource) {
    this.url = `${origin}/sign-in/${name}`;
    this.resource = resource;
  }

  async register(metadata = { client_name: 'By hand', redirect_uris: [CALLBACK] }) {
    const response = await fetch(`${this.url}/register`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(metadata),
    });
    return { status: response.status, ...(await response.json()) };
  }

  begin(clientId, changes = {}) {
    const verifier = crypto.randomBytes(32).toString('base64url');
    const query = new URLSearchParams({
      response_type: 'code', client_id: clientId, redirect_uri: CALLBACK, state: 's', code_challenge_method: 'S256',
      code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), resource: this.resource, ...changes,
    });
    return { verifier, address: `${this.url}/authorize?${query}` };
  }

  async exchange(form) {
    const response = await fetch(`${this.url}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', redirect_uri: CALLBACK, ...form }) });
    return { status: response.status, ...(await response.json()) };
  }
}
