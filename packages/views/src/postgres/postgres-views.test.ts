import { randomBytes } from 'node:crypto';
import { databaseUrl, dropDatabase } from '@tidemark/embedded-postgres';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { openPool } from '@tidemark/postgres';
import { describe, expect, test } from 'vitest';
import { viewsConformance } from '../testing/index.ts';
import { COLUMNS, freshId, sampleDelta } from '../testing/samples.ts';
import { openPostgresViews } from './postgres-store.ts';

// The condition is part of the upsert; a deleted row leaves nothing that could shadow a later one.
const capabilities = { fencesEqualOffsets: true, forgetsDeletes: true };

viewsConformance(
  'PostgreSQL',
  async () => {
    const database = await freshDatabase();
    return { open: () => openPostgresViews(database.url), close: () => database.drop() };
  },
  capabilities,
);

viewsConformance(
  'PostgreSQL whose own order is a language’s',
  async () => {
    const base = await freshDatabase();
    const name = `english_${randomBytes(6).toString('hex')}`;
    const pool = openPool(base.url, { applicationName: 'test' });
    await pool.query(
      `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'`,
    );
    const { rows } = await pool.query<{ less: boolean }>(`SELECT 'a' < 'B' COLLATE "en-US-x-icu" AS less`);
    expect(rows).toEqual([{ less: true }]);
    await pool.end();
    const close = async (): Promise<void> => {
      await dropDatabase(base.url, name);
      await base.drop();
    };
    return { open: () => openPostgresViews(databaseUrl(base.url, name)), close };
  },
  capabilities,
);

describe('PostgreSQL', () => {
  test('a server that can not be reached is an outage, told without the password', async () => {
    const opened = openPostgresViews('postgres://ann:s3cret@127.0.0.1:1/none');
    await expect(opened).rejects.toMatchObject({ code: 'TIDEMARK_VIEWS_UNAVAILABLE', retryable: true });
    await expect(opened).rejects.not.toThrow(/s3cret/);
  });

  test('a connection that is cut is an outage, and the next call has a new one', async () => {
    const database = await freshDatabase();
    const store = await openPostgresViews(database.url, { applicationName: 'to be cut', connections: 1 });
    const views = await store.open({ id: freshId(), columns: COLUMNS });
    const admin = openPool(database.url, { applicationName: 'admin' });
    await admin.query('BEGIN; LOCK TABLE tidemark_views.serving IN ACCESS EXCLUSIVE MODE');
    // Listened to from the start: it may fail while the cut is still being confirmed.
    const failed = expect(store.serving()).rejects.toMatchObject({
      code: 'TIDEMARK_VIEWS_UNAVAILABLE',
      retryable: true,
    });
    await expect
      .poll(
        async () => {
          const { rowCount } = await admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'to be cut' AND wait_event_type = 'Lock'",
          );
          return rowCount;
        },
        { timeout: 20_000 },
      )
      .toBe(1);
    await failed;
    await admin.end();
    await views.writeDeltas([sampleDelta('ann', 0, 0, 1n)]);
    expect((await views.read(['ann'], null, null))[0]?.deltas).toHaveLength(1);
    await store.close();
    await database.drop();
  });

  test('tables that another version made are told from an outage', async () => {
    const database = await freshDatabase();
    const store = await openPostgresViews(database.url);
    const views = await store.open({ id: freshId(), columns: COLUMNS });
    const pool = openPool(database.url, { applicationName: 'test' });
    await pool.query('ALTER TABLE tidemark_views.live_pointer DROP COLUMN log_id');
    await expect(views.pointer()).rejects.toMatchObject({
      code: 'TIDEMARK_VIEWS_DEFINITION',
      retryable: false,
      message: expect.stringContaining('log_id'),
    });
    await pool.end();
    await store.close();
    await database.drop();
  });

  test('a person can read the tables: a column of its own type for each of the state', async () => {
    const database = await freshDatabase();
    const store = await openPostgresViews(database.url);
    const id = freshId();
    const views = await store.open({ id, columns: COLUMNS });
    await views.writeDeltas([sampleDelta('ann', 0, 0, 1n, 7)]);
    const pool = openPool(database.url, { applicationName: 'test' });
    const { rows } = await pool.query(`SELECT customer_id, order_count, total_revenue, last_order_date::text,
      campaigns_engaged, tickets_by_category::text FROM tidemark_views.delta_${id}`);
    expect(rows).toEqual([
      {
        customer_id: 'ann',
        order_count: 7n,
        total_revenue: '700',
        last_order_date: '1970-01-01 00:00:07+00',
        campaigns_engaged: ['campaign 7'],
        tickets_by_category: '[["billing", "8"]]',
      },
    ]);
    await pool.end();
    await store.close();
    await database.drop();
  });
});
