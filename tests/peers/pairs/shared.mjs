// What the TypeScript peers of the pairs share.
export const FORM = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
export const MESSAGES = [{ role: 'user', content: { type: 'text', text: 'who?' } }];

export const text = (value) => ({ content: [{ type: 'text', text: value }] });

/** The keys of calls that their clients took back. */
export const cancelled = new Set();

/** Ends when the call is taken back. */
export async function waitForEnd(key, signal) {
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
    if (signal.aborted) resolve();
  });
  cancelled.add(key);
}
