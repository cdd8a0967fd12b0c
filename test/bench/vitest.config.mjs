import { postgresServer, shared } from '../../vitest.shared.mjs';

export default shared({
  ...postgresServer,
  // The batch engine is forked from source and inherits these.
  execArgv: ['--import', 'tsx', '--conditions=tidemark-source'],
});
