// The official server of the SDK's second version on its standard streams, with the skills of its own catalogue: three that
// anybody may have and one with a file that the tests close.
import { McpServer } from '@modelcontextprotocol/server';
import { SkillsExtension, memorySkillFiles } from '@modelcontextprotocol/server/ext/skills';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const skill = (name) => `---\nname: ${name}\ndescription: How ${name} is done.\nmetadata:\n  owner: ann\n---\n\n# ${name}\n`;

const extension = await SkillsExtension.load(memorySkillFiles({
  'team/deploy/SKILL.md': skill('deploy'),
  'team/deploy/steps/first.md': 'Look first.\n',
  'team/deploy/steps/more/second.md': 'Then leap.\n',
  'team/review/SKILL.md': skill('review'),
  'team/partly/SKILL.md': skill('partly'),
  'team/partly/closed.md': 'Nobody reads this.\n',
  'git-workflow/SKILL.md': skill('git-workflow'),
}));

serveStdio(() => {
  const server = new McpServer({ name: 'skills', version: '1.0.0' });
  extension.attach(server);
  return server;
});
