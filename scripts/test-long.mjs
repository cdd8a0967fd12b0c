// `npm run test:long [-- --minutes M]`: what takes long; M is for how long the soak brings about random faults.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { pnpmCommand, quietEnv, root } from './pnpm.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string' } } });
if (values.minutes !== undefined && !(Number(values.minutes) > 0)) {
  process.stderr.write('--minutes takes a number above 0.\n');
  process.exit(2);
}
const { file, args } = pnpmCommand(['exec', 'turbo', 'run', 'test:long']);
const env = { ...quietEnv(), TIDEMARK_SOAK_MINUTES: values.minutes ?? '' };
const { status } = spawnSync(file, args, { cwd: root, env, stdio: 'inherit' });
process.exitCode = status ?? 1;
