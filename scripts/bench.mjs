// `npm run bench -- [--only NAME]… [--on kafka,cassandra] [--scale S] [--rounds N] [--json FILE]`: measures the apps as built.
// `npm run bench -- cost [--customers N] [--events N] [--seconds N]`: what one event, customer and read cost.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';
import { prepare } from './prepare.mjs';

await prepare('@tidemark/bench');
const args = process.argv.slice(2);
const bench = join(root, 'test', 'bench');
const folder = join(bench, 'src', ...(args[0] === 'cost' ? args.splice(0, 1) : []));
// As apps are started, and so a baseline is too.
const flags = [
  '--max-semi-space-size=64',
  '--heap-growing-percent=50',
  join(bench, 'run.mjs'),
  join(folder, 'main.ts'),
];
const { status } = spawnSync(process.execPath, [...flags, ...args], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
