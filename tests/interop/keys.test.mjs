// Keys of authorization servers that start in a moment; Keycloak's are proved in tests/interop/keycloak.
import { AuthorizationServer, signingKey } from '../peers/authorization-server.mjs';
import { FaultProxy } from '../peers/fault-proxy.mjs';
import { startMockIssuer } from '../peers/mock-issuer.mjs';
import { proveKeys } from './key-proofs.mjs';

const AUDIENCE = 'https://gateway.tests.example/mcp';
const OPTIONS = { resources: { [AUDIENCE]: 'mcp:call' }, roles: { alice: ['Developers'] } };

// Two providers name their key alike.
proveKeys('oidc-provider', async () => {
  const server = await new AuthorizationServer(OPTIONS).start();
  server.publish([signingKey('shared')]);
  const [old] = server.keys;
  return {
    entry: { issuer: server.url, audience: AUDIENCE },
    jwksPath: '/jwks',
    faults: server,
    token: () => server.token({ resource: AUDIENCE }),
    tokenAs: (iss) => server.token({ resource: AUDIENCE, claims: { iss } }),
    rotate: () => server.publish([signingKey('new')]),
    restore: () => server.publish([...server.keys, old]),
    stop: () => server.stop(),
  };
});

// It never takes a key back.
proveKeys('oauth2-mock-server', async () => {
  const faults = await new FaultProxy().start();
  const server = await startMockIssuer('shared');
  faults.to(server.issuer.url);
  server.issuer.url = faults.url;
  let kid = 'shared';
  const tokenAs = (iss) => server.issuer.buildToken({
    kid,
    scopesOrTransform: (header, payload) => {
      Object.assign(header, { typ: 'at+jwt' });
      Object.assign(payload, { iss, aud: AUDIENCE, sub: 'alice', client_id: 'tests', roles: ['Developers'] });
    },
  });
  return {
    entry: { issuer: faults.url, audience: AUDIENCE },
    jwksPath: '/jwks',
    faults,
    token: () => tokenAs(faults.url),
    tokenAs,
    rotate: async () => {
      kid = 'new';
      await server.issuer.keys.generate('RS256', { kid });
    },
    restore: () => {},
    stop: async () => {
      await faults.stop();
      await server.stop();
    },
  };
});
