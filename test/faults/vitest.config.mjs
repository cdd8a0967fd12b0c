import { cassandraServer, kafkaServer, postgresServer, shared, together } from '../../vitest.shared.mjs';

// The processes under test are what was built, as they are deployed. One system at a time: two cores have enough to do.
export default shared(
  together(postgresServer, kafkaServer, cassandraServer, {
    exclude: ['src/**/*.long.test.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 300_000,
  }),
);
