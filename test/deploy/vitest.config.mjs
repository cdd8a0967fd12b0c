import { postgresServer, shared, together } from '../../vitest.shared.mjs';

// Images are built here, by package managers and compilers.
export default shared(together(postgresServer, { testTimeout: 60_000, hookTimeout: 300_000 }));
