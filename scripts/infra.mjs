// `npm run infra:up`, `infra:down`, `infra:status`: installs and builds what changed, then becomes infra/local's program.
import { join } from 'node:path';
import { root } from './pnpm.mjs';
import { prepare } from './prepare.mjs';

await prepare('@tidemark/infra-local');
process.argv = [process.argv[0], join(root, 'scripts', 'infra.mjs'), ...process.argv.slice(2)];
await import('../infra/local/dist/main.js');
