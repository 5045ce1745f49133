// A process of its own that calls one tool at each of some endpoints: usage call-each.mjs ERA TOKEN TOOL URL... It prints
// one JSON line for each, the text of the result or why it failed. A process, because the certificates that Node.js
// trusts are read when it starts.
import { connectLegacy, connectModern, resultText } from './support.mjs';

const [era, token, name, ...urls] = process.argv.slice(2);
for (const url of urls) {
  try {
    const client = await (era === 'legacy' ? connectLegacy : connectModern)(url, token);
    const text = resultText(await client.callTool({ name, arguments: {} }));
    await client.close();
    console.log(JSON.stringify({ text }));
  } catch (error) {
    let cause = error;
    while (cause.cause !== undefined) cause = cause.cause;
    console.log(JSON.stringify({ error: String(cause.code ?? cause.message), message: error.message }));
  }
}
