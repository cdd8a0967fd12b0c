import { cassandraServer, kafkaServer, postgresServer, shared, together } from '../../vitest.shared.mjs';

// What takes more than a minute or more than one node of a server: `npm run test:long`.
export default shared(
  together(postgresServer, kafkaServer, cassandraServer, {
    include: ['src/**/*.long.test.ts'],
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 900_000,
  }),
);
