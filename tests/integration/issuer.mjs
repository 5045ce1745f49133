// An issuer of tokens made by the test, which signs whatever it is told to.
import crypto from 'node:crypto';

export const AUDIENCE = 'aegis';

export class Issuer {
  #keys = new Map();

  constructor(url) {
    this.url = url;
    this.addKey('first');
  }

  /** type: 'ec' signs ES256, 'rsa' RS256. */
  addKey(kid, type = 'ec') {
    const options = type === 'ec' ? { namedCurve: 'P-256' } : { modulusLength: 2048 };
    this.#keys.set(kid, { type, ...crypto.generateKeyPairSync(type, options) });
    return this;
  }

  removeKey(kid) {
    this.#keys.delete(kid);
    return this;
  }

  /** The key set as an issuer publishes it. */
  jwks() {
    const keys = [...this.#keys].map(([kid, { type, publicKey }]) =>
      ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: type === 'ec' ? 'ES256' : 'RS256' }));
    return JSON.stringify({ keys });
  }

  /** A good token of alice, but for what is given. A claim or field that is undefined is left out. */
  token({ claims = {}, header = {}, kid = 'first' } = {}) {
    const key = this.#keys.get(kid);
    const now = Math.floor(Date.now() / 1000);
    const signed = [
      { alg: key.type === 'ec' ? 'ES256' : 'RS256', typ: 'at+jwt', kid, ...header },
      {
        iss: this.url, aud: AUDIENCE, sub: 'alice', client_id: 'tests', jti: crypto.randomUUID(),
        iat: now, exp: now + 600, roles: ['Developers'], ...claims,
      },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const signature = crypto.sign('sha256', signed, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  /** The configuration of this issuer, its keys at an address or in a file. */
  config(jwks) {
    return { name: 'tests', issuer: this.url, audience: AUDIENCE, jwks, roles: ['Developers'] };
  }
}

/** The same token with another header, payload or signature. */
export function changed(token, { header, payload, signature }) {
  const parts = token.split('.');
  const rewrite = (part, change) => Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url')), ...change })).toString('base64url');
  return [
    header === undefined ? parts[0] : rewrite(parts[0], header),
    payload === undefined ? parts[1] : rewrite(parts[1], payload),
    signature ?? parts[2],
  ].join('.');
}
