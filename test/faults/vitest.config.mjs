import { postgresServer, shared, together } from '../../vitest.shared.mjs';

// The processes under test are what was built, as they are deployed.
export default shared(together(postgresServer, { testTimeout: 600_000, fileParallelism: false }));
