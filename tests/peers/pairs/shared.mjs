// What the TypeScript peers of the pairs share.
export const FORM = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
export const MESSAGES = [{ role: 'user', content: { type: 'text', text: 'who?' } }];

/** About what a tool of that server gave: a resource that may be read and one that may not. */
export function quoting(name) {
  const content = ['text', 'closed'].map((part) => ({ type: 'resource', resource: { uri: `pair://${name}/${part}`, text: 'a text' } }));
  return [
    { role: 'assistant', content: { type: 'tool_use', id: 'use-1', name: 'look', input: {} } },
    { role: 'user', content: [{ type: 'tool_result', toolUseId: 'use-1', content }] },
  ];
}

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
