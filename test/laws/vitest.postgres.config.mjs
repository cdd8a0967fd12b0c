import { postgresServer, shared, together } from '../../vitest.shared.mjs';

/** Laws on PostgreSQL alone: `npm run mutate` would start Kafka and Cassandra for each of its breaks. */
export default shared(
  together(postgresServer, {
    // The batch engine is forked from source and inherits these.
    execArgv: ['--import', 'tsx', '--conditions=tidemark-source'],
    testTimeout: 1_800_000,
  }),
);
