// What `npm start` and `npm run infra:…` do before they become their program: look at Node, install and build what changed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pnpmCommand, quietEnv, root } from './pnpm.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Tidemark needs Node 20.19 or later; this is ${process.version}.\n`);
  process.exit(1);
}

/** Ends the whole group of what runs now, and with it this process. */
function endWith(child, exitCode) {
  return () => {
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It ended by itself.
    }
    process.exit(exitCode);
  };
}

/** Runs a command to its end, saying how long it takes; its output is shown only when it fails. */
async function step(label, file, args) {
  const began = performance.now();
  const isTerminal = process.stdout.isTTY === true;
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  // A group of its own: npx starts further processes, which must end with it.
  const child = spawn(file, args, {
    cwd: root,
    // Without CI pnpm may want to ask something, and nobody could answer.
    env: { ...quietEnv(), CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = [];
  child.stdout.on('data', (part) => output.push(part));
  child.stderr.on('data', (part) => output.push(part));
  if (!isTerminal) process.stdout.write(`  … ${label}\n`);
  const tick = () => isTerminal && process.stdout.write(`\r\x1b[2K  … ${label.padEnd(18)} ${seconds()}`);
  const timer = setInterval(tick, 200);
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid !== parent && endWith(child, 1)(), 500);
  const handlers = { SIGINT: endWith(child, 130), SIGTERM: endWith(child, 143), SIGHUP: endWith(child, 129) };
  for (const [name, end] of Object.entries(handlers)) process.on(name, end);
  const code = await new Promise((done) => {
    child.on('error', (error) => {
      output.push(Buffer.from(error.message));
      done(1);
    });
    child.on('close', done);
  });
  clearInterval(timer);
  clearInterval(watch);
  for (const [name, end] of Object.entries(handlers)) process.off(name, end);
  process.stdout.write(
    `${isTerminal ? '\r\x1b[2K' : ''}${code === 0 ? '  ✓' : '  ✗'} ${label.padEnd(18)} ${seconds()}\n`,
  );
  if (code === 0) return;
  process.stderr.write(`\n${Buffer.concat(output)}\n${label} failed. The lines above say why.\n`);
  process.exit(1);
}

/** Changes when anything that an install depends on does. */
function installKey() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${process.versions.modules}`);
  const manifests = ['apps', 'infra', 'packages', 'test']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name, 'package.json')))
    .filter((path) => existsSync(join(root, path)))
    .sort();
  for (const path of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', ...manifests]) {
    hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

/** Installs the workspace's packages unless what is there is what the lock file says. */
async function installIfNeeded() {
  const stamp = join(root, 'node_modules', '.tidemark-install');
  const key = installKey();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  const { file, args } = pnpmCommand(['install', '--frozen-lockfile', '--reporter=append-only']);
  await step('install', file, args);
  writeFileSync(stamp, key);
}

/** Builds a package and everything below it; what is built already costs a second. */
async function build(name) {
  // Through npx, which puts the pinned pnpm on the path: turbo asks it about the workspace.
  const task = ['exec', 'turbo', 'run', 'build', `--filter=${name}...`, '--output-logs=errors-only'];
  const { file, args } = pnpmCommand(task);
  await step('build', file, args);
}

/** Makes the package of this name ready to be run from its `dist`. Ends the process with 1 when that fails. */
export async function prepare(name) {
  process.stdout.write('\n');
  await installIfNeeded();
  await build(name);
}
