// `npm start` and `npm run up`: installs and builds what changed, then becomes `tidemark up` with the arguments given.
// In this same process, so that a signal to it, or to npm, is a signal to the supervisor.
import { join } from 'node:path';
import { root } from './pnpm.mjs';
import { prepare } from './prepare.mjs';

await prepare('@tidemark/tidemark');
process.argv = [process.argv[0], join(root, 'bin', 'tidemark.mjs'), 'up', ...process.argv.slice(2)];
await import('../apps/tidemark/dist/main.js');
