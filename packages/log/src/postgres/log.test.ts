import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { cuttableProxy, type LogUnderTest, logConformance, PARTITIONS } from '../testing/index.ts';
import { openPostgresLog } from './log.ts';

// So long that a member on a busy machine does not lose what it has between two of its heartbeats.
const LEASE_MS = 3_000;

async function postgresLog(): Promise<LogUnderTest> {
  const database = await freshDatabase();
  const options = { partitions: PARTITIONS, leaseMs: LEASE_MS };
  return {
    open: () => openPostgresLog(database.url, options),
    openMortal: async () => {
      const url = new URL(database.url);
      const proxy = await cuttableProxy(Number(url.port));
      url.port = String(proxy.port);
      const log = await openPostgresLog(url.toString(), options);
      return {
        log: {
          ...log,
          close: async () => {
            // The dead don't wait for answers.
            await proxy.close();
            await log.close();
          },
        },
        die: async () => proxy.cut(),
      };
    },
    remove: () => database.drop(),
  };
}

logConformance('The log in PostgreSQL', postgresLog, {
  gaplessOffsets: { has: true },
  within: { wakeMs: 500, takeoverMs: 2 * LEASE_MS, handoverMs: 500, growMs: LEASE_MS },
});
