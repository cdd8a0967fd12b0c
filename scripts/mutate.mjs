/*
 * `npm run mutate [name…]`: applies each patch of test/mutations to a copy of the working tree and runs the tests that it
 * names, each of which must fail. A break that one of them does not see survives, and that is a failure of the tests.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { pnpmCommand, quietEnv, root } from './pnpm.mjs';
import { ProcessRun } from './process-run.mjs';
import { readReport } from './test-report.mjs';

const PATCHES = join(root, 'test', 'mutations');

/** A law that fails ends at once; only one that holds takes its whole time. */
const TIMEOUT_MS = 600_000;

const processes = new ProcessRun();

/**
 * What a patch says of itself: `# Breaks: …`, and `# Test: <package folder> <test file> [NAME=value …] [vitest's options]`
 * once or more. Answers one break for each of its tests.
 */
function readPatch(file) {
  const text = readFileSync(join(PATCHES, file), 'utf8');
  const [, breaks] = /^# Breaks: (.+)$/m.exec(text) ?? [];
  const tests = [...text.matchAll(/^# Test: (\S+) (\S+)(.*)$/gm)];
  if (tests.length === 0) throw new Error(`${file} does not say which test must fail: # Test: <folder> <file>`);
  return tests.map(([, folder, testFile, rest]) => {
    const words = rest.split(' ').filter((word) => word !== '');
    return {
      name: file.replace(/\.patch$/, ''),
      path: join(PATCHES, file),
      breaks,
      folder,
      testFile,
      env: Object.fromEntries(words.filter(isVariable).map((word) => word.split('='))),
      options: words.filter((word) => !isVariable(word)),
    };
  });
}

const isVariable = (word) => /^[A-Z_]+=/.test(word);

/**
 * The working tree as git sees it, with node_modules that lead to the copy's packages and the original's libraries. What
 * was built comes along for vitest's global setup alone, which starts PostgreSQL: tests run sources.
 */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'tidemark-mutate-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const path of listed.split('\0')) {
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    copyFileSync(join(root, path), join(copy, path));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const group of ['apps', 'infra', 'packages', 'test']) {
    for (const entry of readdirSync(join(root, group))) {
      for (const ignored of ['node_modules', 'dist']) {
        const path = join(group, entry, ignored);
        if (existsSync(join(root, path)) && existsSync(join(copy, group, entry)))
          cpSync(join(root, path), join(copy, path), { recursive: true, verbatimSymlinks: true });
      }
    }
  }
  return copy;
}

/** Runs one test file in the copy. Answers the names of the tests that failed, and what was printed. */
async function runTest(copy, { folder, testFile, env, options }) {
  rmSync(join(copy, folder, 'reports'), { recursive: true, force: true });
  const printed = [];
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const exitCode = await processes.run(process.execPath, [vitest, 'run', '--bail=1', ...options, testFile], {
    cwd: join(copy, folder),
    env,
    print: (line) => printed.push(line),
    timeoutMs: TIMEOUT_MS,
  });
  const report = readReport(copy, { name: folder, folder });
  return { exitCode, ...report, printed: printed.join('\n') };
}

const git = (copy, ...args) => spawnSync('git', ['apply', ...args], { cwd: copy, encoding: 'utf8' });

async function tryPatch(copy, patch) {
  const applied = git(copy, patch.path);
  if (applied.status !== 0) return { verdict: 'does not apply', detail: applied.stderr.trim() };
  const { exitCode, passed, failures, printed } = await runTest(copy, patch);
  const reverted = git(copy, '--reverse', patch.path);
  if (reverted.status !== 0) throw new Error(`${patch.name} can't be taken back: ${reverted.stderr}`);
  if (exitCode === 0) return { verdict: 'SURVIVED', detail: `${passed} tests passed` };
  // A test must have failed, not the loading of the file or the runner.
  const [first] = failures.filter(
    (failure) => !/ › (the file itself|no report|no test files|its report)/.test(failure),
  );
  if (!first) return { verdict: 'not tried', detail: `${failures.join('; ')}\n${printed}` };
  return { verdict: 'killed', detail: `${first.split(' › ').at(-1)}: ${reasonIn(printed)}` };
}

/** What the failed test complained of: the innermost cause, without colours. */
function reasonIn(printed) {
  const plain = stripVTControlCharacters(printed);
  return [...plain.matchAll(/^(?:Caused by: )?(?:\w*Error): (.+)$/gm)].at(-1)?.[1] ?? 'no reason printed';
}

async function main(names) {
  const patches = readdirSync(PATCHES)
    .filter((file) => file.endsWith('.patch'))
    .flatMap(readPatch)
    .filter(({ name }) => names.length === 0 || names.some((wanted) => name.includes(wanted)));
  if (patches.length === 0) throw new Error(`no patch in test/mutations is named like ${names.join(', ')}`);

  const build = pnpmCommand(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only']);
  if ((await processes.run(build.file, build.args, { cwd: root, env: quietEnv() })) !== 0) return 1;
  const copy = copyTree();
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  const unbroken = new Map(
    patches.map((patch) => [JSON.stringify([patch.folder, patch.testFile, patch.env, patch.options]), patch]),
  );
  for (const patch of unbroken.values()) {
    console.log(`unbroken: ${patch.folder} ${patch.testFile}`);
    const { exitCode, failures, printed } = await runTest(copy, patch);
    if (exitCode === 0) continue;
    console.log(`${printed}\n${failures.join('\n')}\nThe tests fail without any break: nothing can be said.`);
    return 1;
  }
  const rows = [];
  for (const patch of patches) {
    const startMs = Date.now();
    const outcome = await tryPatch(copy, patch);
    rows.push({ ...patch, ...outcome });
    console.log(`${outcome.verdict}: ${patch.name} (${((Date.now() - startMs) / 1000).toFixed(0)} s)`);
    if (outcome.verdict !== 'killed') console.log(`  ${patch.breaks}\n${outcome.detail}`);
  }
  const width = Math.max(...rows.map(({ name }) => name.length));
  console.log('');
  for (const { name, verdict, folder, testFile, detail } of rows)
    console.log(`${name.padEnd(width)}  ${verdict.padEnd(8)}  ${folder} ${testFile}: ${detail.split('\n', 1)[0]}`);
  const alive = rows.filter(({ verdict }) => verdict !== 'killed');
  console.log(`\n${rows.length - alive.length} of ${rows.length} breaks were seen by their tests`);
  return alive.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
