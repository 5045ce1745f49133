// A client of the SDK that nobody registered: it finds its way from the gateway's challenge to a token by itself.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** What a client keeps of its sign-in. */
export class ClientMemory {
  constructor(redirectUrl) {
    this.redirectUrl = redirectUrl;
    this.clientMetadata = { client_name: 'A client of the tests', redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none' };
  }

  state() { return 'state-of-the-client'; }
  clientInformation() { return this.information; }
  saveClientInformation(information) { this.information = information; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  redirectToAuthorization(url) { this.address = url.href; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  codeVerifier() { return this.verifier; }
}

/** A connected client. `follow(address)` does what the person does, and returns the address that leads back to the client. */
export async function connectSigningIn(endpoint, memory, follow) {
  const url = new URL(endpoint);
  const first = new StreamableHTTPClientTransport(url, { authProvider: memory });
  const refusal = await new Client({ name: 'aegis-peer', version: '1.0.0' }).connect(first).then(() => undefined, (error) => error);
  if (!(refusal instanceof UnauthorizedError)) throw new Error(`the client was not sent to sign in: ${refusal}`);
  const back = new URL(await follow(memory.address));
  await first.finishAuth(back.searchParams.get('code'));
  const client = new Client({ name: 'aegis-peer', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider: memory }));
  return { client, back };
}
