#!/usr/bin/env node
// Committed, so that `npx tidemark` at the root always finds this one and never a stranger's package of that name.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../apps/tidemark/dist/main.js', import.meta.url);

if (existsSync(fileURLToPath(main))) {
  await import(main.href);
} else {
  process.stderr.write(
    'tidemark: not built yet. `npm start` (the demo) and `npm run up` install, build and start it.\n',
  );
  process.exitCode = 1;
}
