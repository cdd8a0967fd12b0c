// `npm run dev`: `tidemark up` from source, with all its processes, after an install. No build is needed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './pnpm.mjs';

const require = createRequire(import.meta.url);

let tsx;
try {
  tsx = pathToFileURL(require.resolve('tsx')).href;
} catch {
  process.stderr.write('The packages are not installed yet. Run `node scripts/pnpm.mjs install` first.\n');
  process.exit(1);
}

// The processes it forks inherit these.
const flags = ['--import', tsx, '--conditions=tidemark-source', '--enable-source-maps'];
const main = join(root, 'apps', 'tidemark', 'src', 'main.ts');
const child = spawn(process.execPath, [...flags, main, 'up', ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
// Ctrl-C reaches it through the terminal; it decides when both end.
process.on('SIGINT', () => {});
for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
child.on('close', (code) => process.exit(code ?? 1));
