// `npm run bench -- [--only NAME]… [--on kafka,cassandra] [--scale S] [--rounds N] [--json FILE]`: runs test/bench from source.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

const flags = ['--import', 'tsx', '--conditions=tidemark-source'];
const main = join(root, 'test', 'bench', 'src', 'main.ts');
const { status } = spawnSync(process.execPath, [...flags, main, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
