import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** One configuration for every package: sources are run as they are, no build of the other packages is needed. */
export const shared = (overrides = {}) =>
  defineConfig({
    resolve: { conditions: ['tidemark-source'] },
    ssr: { resolve: { conditions: ['tidemark-source'], externalConditions: ['tidemark-source'] } },
    test: {
      include: ['src/**/*.test.ts'],
      reporters: ['default', ['json', { outputFile: 'reports/vitest.json' }]],
      testTimeout: 60_000,
      hookTimeout: 120_000,
      ...overrides,
    },
  });

/**
 * `shared(postgresServer)`: one real PostgreSQL for the run; `freshDatabase` and `testDatabase` of
 * `@tidemark/postgres/testing` make databases on it. A path, because vitest finds setup files without our condition.
 */
export const postgresServer = {
  globalSetup: [fileURLToPath(new URL('./packages/postgres/src/testing/global-setup.ts', import.meta.url))],
};
