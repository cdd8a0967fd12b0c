import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { openPool } from '@tidemark/postgres';
import { expect, test, vi } from 'vitest';
import { numbered } from '../testing/records.ts';
import { openPostgresLog } from './log.ts';

const RECORDS = 20_000;
const PAGE = 400;

test('a page costs what is on it, however many records follow that no statistics know of', async () => {
  const database = await freshDatabase();
  const log = await openPostgresLog(database.url, { partitions: 1 });
  const pool = openPool(database.url, { applicationName: 'test' });
  try {
    await log.append(numbered('event', RECORDS));
    for (let from = 0n; from < RECORDS; ) from = (await log.read(0, from, { maxRecords: PAGE, waitMs: 0 })).next;
    // The server counts when a connection ends. A look at the sizes, then the records themselves.
    await log.close();
    await vi.waitFor(
      async () => {
        const { rows } = await pool.query(
          "SELECT idx_tup_read AS entries FROM pg_stat_user_indexes WHERE indexrelname = 'records_customer_events_pkey'",
        );
        expect(rows).toEqual([{ entries: BigInt(2 * RECORDS) }]);
      },
      { timeout: 20_000, interval: 100 },
    );
  } finally {
    await pool.end();
    await database.drop();
  }
});
