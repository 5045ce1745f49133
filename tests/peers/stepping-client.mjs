// A client of the SDK (version 2) that nobody registered, which signs in anew for a call when the gateway wants it: for
// scopes it knows how, and what RFC 9470 asks of clients besides it is taught here.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

import { ClientMemory } from './signing-client.mjs';
import { resultText } from './support.mjs';

const SIGN_INS_MAX = 3;

export class SteppingMemory extends ClientMemory {
  /** Every address that a person was sent to. */
  addresses = [];
  #wanted = [];

  fetch = async (url, init) => {
    const response = await fetch(url, init);
    const challenge = response.headers.get('WWW-Authenticate') ?? '';
    if (challenge.includes('error="insufficient_user_authentication"')) {
      this.#wanted = ['acr_values', 'max_age'].map((name) => [name, new RegExp(`${name}="([^"]*)"`).exec(challenge)[1]]);
      // A renewed token would be of the same sign-in.
      delete this.saved.refresh_token;
    }
    return response;
  };

  saveDiscoveryState(state) { this.discovered = state; }
  discoveryState() { return this.discovered; }

  redirectToAuthorization(url) {
    for (const [name, value] of this.#wanted) url.searchParams.set(name, value);
    this.#wanted = [];
    this.addresses.push(url.href);
  }
}

/**
 * The text that a tool answers with. `follow(address)` does what the person does each time that this leads to the sign-in,
 * and returns the address that leads back to the client.
 */
export async function callSteppingUp(endpoint, memory, follow, name) {
  for (let signIns = 0; ; signIns++) {
    const transport = new StreamableHTTPClientTransport(new URL(endpoint), { authProvider: memory, fetch: memory.fetch });
    const client = new Client({ name: 'aegis-peer', version: '1.0.0' });
    try {
      await client.connect(transport);
      return resultText(await client.callTool({ name, arguments: {} }));
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || signIns === SIGN_INS_MAX) throw error;
      await transport.finishAuth((await follow(memory.addresses.at(-1))).searchParams);
    } finally {
      await client.close();
    }
  }
}
