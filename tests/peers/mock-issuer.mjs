// An issuer that asks nobody who they are, signs whatever it is told to and adds keys while it runs.
import { OAuth2Server } from 'oauth2-mock-server';

/** A started server with one key; `issuer` builds tokens. */
export async function startMockIssuer(kid) {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256', { kid });
  await server.start(0, 'localhost');
  return server;
}
