// `npm run bench -- [--only NAME]… [--on kafka,cassandra] [--scale S] [--rounds N] [--json FILE]`: runs test/bench from source.
// `npm run bench -- cost [--customers N] [--events N] [--seconds N]`: what one event, customer and read cost.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

// The last as apps are started, and so a baseline is too.
const flags = ['--import', 'tsx', '--conditions=tidemark-source', '--max-semi-space-size=64'];
const args = process.argv.slice(2);
const folder = join(root, 'test', 'bench', 'src', ...(args[0] === 'cost' ? args.splice(0, 1) : []));
const { status } = spawnSync(process.execPath, [...flags, join(folder, 'main.ts'), ...args], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
