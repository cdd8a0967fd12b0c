/*
 * `npm test`: installs, builds, lints, type-checks (the builds do) and runs every test, then prints the total of all
 * runners as its last line. Tests without servers go through turbo, which remembers those whose inputs didn't change;
 * tests with servers always run, two packages at a time. Kafka and Cassandra start once for all of them, while the builds go on.
 * What is long and holds nobody to seconds takes the time that those leave.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pnpmCommand, quietEnv, root } from './pnpm.mjs';
import { ProcessRun } from './process-run.mjs';
import { merge, readReport, totalLine, unexplained, withExitCode } from './test-report.mjs';
import { TestServers } from './test-servers.mjs';

process.chdir(root);

/** Suites with servers at once. More than that on two cores, and they time out waiting for each other. */
const LANES = 2;

/** The longest first, so that none of them is left for the end. */
const LONGEST = [
  'test/laws',
  'test/faults',
  'packages/log',
  'packages/views',
  'apps/batch-layer',
  'infra/local',
  'apps/serving-layer',
  'test/deploy',
];

/** Those that hold whole systems to seconds, beside which nothing may run: by folder, what their files are called by. */
const ALONE = new Map([
  ['test/faults', 'kafka-cassandra'],
  ['test/e2e', ''],
]);

/** How long a process may take to notice that its test run is over. */
const GRACE_MS = 10_000;

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const inCi = process.env.CI === 'true' || process.env.CI === '1';
const processes = new ProcessRun();
const servers = new TestServers(processes);
const beganMs = Date.now();
const timings = [];
const notices = [];

const packages = ['apps', 'infra', 'packages', 'test'].flatMap((group) =>
  (existsSync(group) ? readdirSync(group) : []).flatMap((entry) => {
    const folder = join(group, entry);
    if (!existsSync(join(folder, 'package.json'))) return [];
    const { name, scripts = {} } = readJson(join(folder, 'package.json'));
    return [{ name, folder, scripts }];
  }),
);

async function timed(name, work) {
  const startMs = Date.now();
  console.log(`\n── ${name}`);
  const value = await work();
  timings.push([name, Date.now() - startMs]);
  return value;
}

/** Through npx, so that pnpm need not be there. It also puts pnpm on the path, where turbo looks for it. */
function pnpm(...args) {
  const command = pnpmCommand(args);
  return processes.run(command.file, command.args, { env: quietEnv() });
}

/** Exit codes by task, from the newest summary that turbo wrote. */
function turboExitCodes() {
  const folder = join('.turbo', 'runs');
  const summary = (existsSync(folder) ? readdirSync(folder) : []).find((file) => file.endsWith('.json'));
  if (!summary) return new Map();
  return new Map(readJson(join(folder, summary)).tasks.map(({ taskId, execution }) => [taskId, execution?.exitCode]));
}

async function turbo(task, ...options) {
  rmSync(join('.turbo', 'runs'), { recursive: true, force: true });
  const exitCode = await pnpm('exec', 'turbo', 'run', task, '--summarize', '--continue=always', ...options);
  return { exitCode, tasks: turboExitCodes() };
}

/** Runs one suite to its end, all of it or what the arguments leave. */
async function suite({ name, folder, scripts }, env, options = {}) {
  const { script = 'test:servers', args = '', report = 'vitest.json', patient = false } = options;
  rmSync(join(folder, 'reports', report), { force: true });
  const PATH = [join(root, folder, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  const startMs = Date.now();
  const exitCode = await processes.run(`${scripts[script]} ${args}`, [], {
    cwd: folder,
    shell: true,
    patient,
    env: { ...env, PATH, VITEST_REPORT: report },
    print: (line) => console.log(`${name}: ${line}`),
  });
  timings.push([`  ${name}${patient ? ', patient' : ''}`, Date.now() - startMs]);
  // Read at once: whoever runs the same suite by hand meanwhile writes a report of the same name.
  return withExitCode(readReport(root, { name, folder }, report), name, exitCode);
}

/** Runs the suites with servers in lanes, then what must be alone; beside them what is patient. Answers their results. */
async function serverSuites(env) {
  const rank = ({ folder }) => (LONGEST.includes(folder) ? LONGEST.indexOf(folder) : LONGEST.length);
  const suites = packages.filter(({ scripts }) => scripts['test:servers']).sort((a, b) => rank(a) - rank(b));
  const queue = suites.filter(({ folder }) => ALONE.get(folder) !== '');
  const patient = packages
    .filter(({ scripts }) => scripts['test:patient'])
    .map((entry) => suite(entry, env, { script: 'test:patient', report: 'patient.json', patient: true }));
  const results = [];
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const alone = ALONE.get(next.folder);
      results.push(await suite(next, env, { args: alone && `--exclude "**/*.${alone}.test.ts"` }));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  for (const next of suites) {
    const alone = ALONE.get(next.folder);
    if (alone !== undefined) results.push(await suite(next, env, { args: alone }));
  }
  return [...results, ...(await Promise.all(patient))];
}

async function main() {
  const steps = { passed: 0, failures: [], skips: [] };
  for (const { folder } of packages) rmSync(join(folder, 'reports'), { recursive: true, force: true });

  const installed = await timed('install', () => pnpm('install', '--frozen-lockfile'));
  if (installed !== 0) return { ...steps, failures: [`install › ended with ${installed}`] };
  servers.start();

  const built = await timed('build and type-check', () => turbo('build', '--output-logs=errors-only'));
  const brokenBuilds = [...built.tasks].filter(([, exitCode]) => exitCode !== 0 && exitCode !== undefined);
  for (const [task] of brokenBuilds) steps.failures.push(`build › ${task}`);
  if (built.exitCode !== 0 && brokenBuilds.length === 0) steps.failures.push(`build › ended with ${built.exitCode}`);

  const linted = await timed('lint', () => pnpm('exec', 'biome', 'check', '--error-on-warnings', '.'));
  if (linted !== 0) steps.failures.push('lint › biome check');

  const cached = await timed('tests', () => turbo('test', '--concurrency=2', '--output-logs=new-only'));
  const results = packages
    .filter(({ scripts }) => scripts.test)
    .map((entry) => withExitCode(readReport(root, entry), entry.name, cached.tasks.get(`${entry.name}#test`) ?? 0));
  const { env, failures, notices: skipped } = await timed('servers of the tests', () => servers.ready({ inCi }));
  steps.failures.push(...failures);
  notices.push(...skipped);
  const served = await timed('tests with servers', () => serverSuites(env));
  const everything = merge([steps, ...results, ...served]);
  if (cached.exitCode !== 0 && everything.failures.length === 0)
    everything.failures.push(`tests › turbo ended with ${cached.exitCode}`);
  return everything;
}

const total = await main();
await servers.stop();

const left = await processes.left(GRACE_MS);
if (left.length > 0) total.failures.push(...left.map((process) => `a process was left behind › ${process}`));
processes.end();

const reasons = existsSync('.ci/skips.json') ? readJson('.ci/skips.json') : {};
if (inCi) total.failures.push(...unexplained(total.skips, reasons).map((skip) => `skipped without a reason › ${skip}`));

console.log('\n── time');
for (const [name, ms] of [...timings, ['all', Date.now() - beganMs]])
  console.log(`${(ms / 1000).toFixed(0).padStart(6)} s  ${name}`);
if (total.skips.length > 0) console.log(`\nskipped:\n${total.skips.map((skip) => `  ${skip}`).join('\n')}`);
for (const notice of notices) console.log(`\n${notice}`);
if (total.failures.length > 0) console.log(`\nfailed:\n${total.failures.map((failure) => `  ${failure}`).join('\n')}`);

mkdirSync('reports', { recursive: true });
writeFileSync(join('reports', 'total.txt'), `${totalLine(total)}\n`);
console.log(`\n${totalLine(total)}`);
process.exitCode = total.failures.length > 0 ? 1 : 0;
