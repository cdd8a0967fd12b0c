import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** One configuration for every package: sources are run as they are, no build of the other packages is needed. */
export const shared = (overrides = {}) =>
  defineConfig({
    resolve: { conditions: ['tidemark-source'] },
    ssr: { resolve: { conditions: ['tidemark-source'], externalConditions: ['tidemark-source'] } },
    test: {
      include: ['src/**/*.test.ts'],
      // Two runs of one package each write their own.
      reporters: ['default', ['json', { outputFile: `reports/${process.env.VITEST_REPORT ?? 'vitest.json'}` }]],
      testTimeout: 60_000,
      hookTimeout: 120_000,
      // To load what is tested takes longer than most of its tests: once for all files of a package.
      isolate: false,
      ...overrides,
    },
  });

/** A path, because vitest finds setup files without our condition. */
const setup = (path) => ({ globalSetup: [fileURLToPath(new URL(path, import.meta.url))] });

/**
 * `shared(postgresServer)`: one real PostgreSQL for the run; `freshDatabase` and `testDatabase` of
 * `@tidemark/embedded-postgres/testing` make databases on it.
 */
export const postgresServer = setup('./packages/embedded-postgres/src/testing/global-setup.ts');

/**
 * One real Kafka for the run: `kafkaOfRun` of `@tidemark/infra-local/testing` is its `host:port`, or null where Java or
 * Maven is missing; tests are skipped then, and in CI they fail. A test makes and drops topics of its own.
 */
export const kafkaServer = setup('./infra/local/src/testing/kafka-setup.ts');

/** One real Cassandra for the run: `cassandraOfRun`, as `kafkaServer`. A test makes and drops a keyspace of its own. */
export const cassandraServer = setup('./infra/local/src/testing/cassandra-setup.ts');

/** `shared(together(postgresServer, kafkaServer, { testTimeout: 1 }))`: several servers, and what else a package sets. */
export const together = (...overrides) =>
  Object.assign({}, ...overrides, { globalSetup: overrides.flatMap(({ globalSetup = [] }) => globalSetup) });
