// The official conformance suite against the fixture server: directly, so that the fixture can be believed, then through
// the gateway. Usage: suite.mjs [FILTER], a part of `REVISION/SCENARIO`; the last line counts. A scenario passes when
// none of its checks fails or warns.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { listeningUrl, Processes, peersFolder, rootFolder, startAegis } from '../peers/support.mjs';

const REVISIONS = ['2025-11-25', '2026-07-28'];
/** The fixture does not compare mirrored header fields: what passes through the gateway is the gateway's doing. */
const OURS_ALONE = [
  '2026-07-28/http-header-validation', '2026-07-28/http-custom-header-server-validation', '2026-07-28/tasks-request-headers',
];
/** Of an extension that is in no revision's set. */
const SKILLS = ['sep-2640-skills-enumeration', 'sep-2640-skills-manifest', 'sep-2640-skills-directory'];
/** Of it the suite itself skips every check. */
const UNTESTABLE = ['tasks-status-notifications'];
const SCENARIOS_MIN = 30; // each set has more
const OUTPUT_BYTES_MAX = 1 << 24;
const program = path.join(peersFolder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');

/** Runs the official program to its end; its exit status says less than the checks that it writes. */
function runOfficial(arguments_) {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...arguments_], { maxBuffer: OUTPUT_BYTES_MAX }, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}`));
  });
}

/** The names of all server scenarios of a revision's set, scored or not. */
async function serverScenarios(revision) {
  const lines = (await runOfficial(['list', '--requirements', revision])).split('\n');
  const scored = lines.slice(lines.findIndex((line) => line.startsWith('Server scenarios')) + 1);
  const end = scored.findIndex((line) => line.startsWith('Client scenarios'));
  const more = scored.slice(end).filter((line) => line.endsWith('[server]'));
  return [...scored.slice(0, end), ...more].flatMap((line) => /^ *- (\S+)/.exec(line)?.[1] ?? []);
}

/** Scenarios with the gateway where the suite wants a client: all but those of OAuth, which it does not take part in there. */
const CLIENT = {
  '2025-11-25': ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry', 'json-schema-2020-12-preservation'],
  '2026-07-28': [
    'tools_call', 'request-metadata', 'http-standard-headers', 'http-custom-headers', 'http-invalid-tool-headers',
    'sep-2322-client-request-state', 'json-schema-ref-no-deref', 'json-schema-2020-12-preservation',
  ],
};

/** What is not offered is skipped, and nothing of it fails. */
const NOTHING_PASSED = { id: 'none', status: 'FAILURE', errorMessage: 'every check was skipped' };

/** Those of OAuth with `aegis connect` there, but for what it does not do (CONTRIBUTING.md). */
const SIGN_IN = [
  'metadata-default', 'metadata-var1', 'metadata-var2', 'metadata-var3', 'basic-cimd', 'scope-from-www-authenticate',
  'scope-from-scopes-supported', 'scope-omitted-when-undefined', 'scope-step-up', 'scope-retry-limit', 'token-endpoint-auth-basic',
  'token-endpoint-auth-post', 'token-endpoint-auth-none', 'pre-registration',
];
const SIGN_IN_NEWER = [
  'resource-mismatch', 'offline-access-scope', 'offline-access-not-supported', 'authorization-server-migration', 'iss-supported',
  'iss-not-advertised', 'iss-supported-missing', 'iss-wrong-issuer', 'iss-unexpected', 'iss-normalized', 'metadata-issuer-mismatch',
];

/** Scenario to its problems, of everything that a run left in a folder; isOffered: an extension that is. */
async function problemsIn(folder, isOffered = false) {
  const found = new Map();
  for (const entry of await fs.readdir(folder).catch(() => [])) {
    const scenario = /^(?:server-)?(.*)-\d{4}-\d\d-\d\dT/.exec(entry)?.[1];
    if (scenario === undefined || UNTESTABLE.includes(scenario)) continue;
    const checks = JSON.parse(await fs.readFile(path.join(folder, entry, 'checks.json'), 'utf8'));
    if (isOffered && !checks.some(({ status }) => status === 'SUCCESS')) checks.push(NOTHING_PASSED);
    const bad = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    const problems = bad.map(({ id, status, errorMessage }) => `${status} ${id}: ${errorMessage}`);
    found.set(scenario, checks.length === 0 ? ['no check was made'] : problems);
  }
  return found;
}

class Tally {
  passed = 0;
  failed = 0;

  /** One line of the table. problems: of the scenario; shouldPass: there should be none. */
  judge(label, problems, shouldPass = true) {
    const isGood = (problems.length === 0) === shouldPass;
    const verdict = shouldPass ? (isGood ? 'pass' : 'FAIL') : (isGood ? 'lenient' : 'FAIL: passes on its own');
    console.log(`${verdict.padEnd(8)} ${label}`);
    if (!isGood) for (const problem of problems) console.log(`         ${problem}`);
    this[isGood ? 'passed' : 'failed']++;
  }
}

/** Runs client scenarios of one revision, each with an Aegis of its own; program: the client. */
async function runClients(tally, revision, folder, program, scenarios) {
  const command = `${process.execPath} ${path.join(rootFolder, 'tests/conformance', program)}`;
  for (const scenario of scenarios) {
    const name = `client ${revision}/${scenario}`;
    if (!name.includes(process.argv[2] ?? '')) continue;
    const output = path.join(folder, 'client', revision, scenario);
    await runOfficial(['client', '--command', command, '--scenario', scenario, '--spec-version', revision, '--output-dir', output]);
    const found = await problemsIn(path.join(output, path.dirname(scenario)));
    const problems = found.get(path.basename(scenario)) ?? ['the scenario did not run'];
    tally.judge(name, problems);
  }
}

/** Runs the set of one revision against an address. shouldPass: of a scenario's name. */
async function runSet(tally, place, revision, url, folder, shouldPass = () => true) {
  const output = path.join(folder, place, revision);
  const log = await runOfficial(['server', '--url', url, '--requirements', revision, '--output-dir', output]);
  const found = await problemsIn(output);
  const wanted = await serverScenarios(revision);
  if (found.size === 0 || wanted.length < SCENARIOS_MIN) {
    console.log(log);
    tally.judge(`${place} ${revision}`, ['the suite did not run']);
  }
  for (const scenario of wanted.filter((name) => !UNTESTABLE.includes(name))) {
    const name = `${revision}/${scenario}`;
    if (!name.includes(process.argv[2] ?? '')) continue;
    tally.judge(`${place} ${name}`, found.get(scenario) ?? ['the scenario did not run'], shouldPass(name));
  }
}

/** Runs the scenarios of the extension of skills, in the words of one revision. */
async function runSkills(tally, place, revision, url, folder) {
  for (const scenario of SKILLS) {
    const name = `${place} ${revision}/${scenario}`;
    if (!name.includes(process.argv[2] ?? '')) continue;
    const output = path.join(folder, place, revision, scenario);
    await runOfficial(['server', '--url', url, '--scenario', scenario, '--spec-version', revision, '--force', '--output-dir', output]);
    tally.judge(name, (await problemsIn(output, true)).get(scenario) ?? ['the scenario did not run']);
  }
}

const tally = new Tally();
const processes = new Processes();
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'aegis-conformance-'));
try {
  const fixture = await listeningUrl(processes.start(process.execPath, [path.join(rootFolder, 'tests/fixtures/conformance-server.ts')]));
  for (const revision of REVISIONS) {
    // The tools of the two sets need the mechanisms of their era at the server, too.
    const gateway = await startAegis(processes, [
      'proxy', '--upstream', fixture, '--no-auth', '--policy', path.join(rootFolder, 'tests/integration/policies-open'),
      '--revision', revision, '--extensions', 'io.modelcontextprotocol/tasks,io.modelcontextprotocol/skills',
      '--state', path.join(folder, `state-${revision}`),
    ]);
    await runSet(tally, 'fixture', revision, fixture, folder, (name) => !OURS_ALONE.includes(name));
    await runSet(tally, 'gateway', revision, gateway.url, folder);
    await runSkills(tally, 'fixture', revision, fixture, folder);
    await runSkills(tally, 'gateway', revision, gateway.url, folder);
    await runClients(tally, revision, folder, 'through.mjs', CLIENT[revision]);
    const signIns = revision === '2025-11-25' ? SIGN_IN : [...SIGN_IN, ...SIGN_IN_NEWER];
    await runClients(tally, revision, folder, 'connect.mjs', signIns.map((name) => `auth/${name}`));
  }
} finally {
  await processes.stop();
  await fs.rm(folder, { recursive: true, force: true });
}
console.log(`${tally.passed} passed, ${tally.failed} failed, 0 skipped`);
process.exitCode = tally.failed === 0 ? 0 : 1;
