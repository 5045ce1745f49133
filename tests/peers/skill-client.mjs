// A client of the official SDK that reads skills and compares every file with its digest.
import { SkillsClient } from '@modelcontextprotocol/client/ext/skills';

import { connectModern } from './support.mjs';

/** mode: 'legacy', or which revision is pinned. */
export async function connectSkills(url, token, mode) {
  const client = await connectModern(url, token, { mode });
  return { client, skills: new SkillsClient(client) };
}
