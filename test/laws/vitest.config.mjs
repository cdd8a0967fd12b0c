import { cassandraServer, kafkaServer, postgresServer, shared, together } from '../../vitest.shared.mjs';

export default shared(
  together(postgresServer, kafkaServer, cassandraServer, {
    // The batch engine is forked from source and inherits these.
    execArgv: ['--import', 'tsx', '--conditions=tidemark-source'],
    testTimeout: 1_800_000,
  }),
);
