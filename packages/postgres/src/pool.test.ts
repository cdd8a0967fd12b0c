import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { expect, test } from 'vitest';
import { openPool } from './pool.ts';
import { withTransaction } from './transaction.ts';

const database = testDatabase();

async function withPool<T>(use: (pool: ReturnType<typeof openPool>) => Promise<T>, byKey = false): Promise<T> {
  const pool = openPool(database.url(), { applicationName: 'pool test', max: byKey ? 1 : 8, byKey });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

test('int8 is a bigint, numeric its exact text, and no time depends on the zone of the machine', async () => {
  const { rows } = await withPool((pool) =>
    pool.query(`SELECT 9223372036854775807::int8 AS int8, ARRAY[1, NULL]::int8[] AS int8s, 0.10::numeric AS numeric,
      '2024-02-29T23:59:59.123+02'::timestamptz AS timestamptz, '2024-02-29 23:59:59.123'::timestamp AS timestamp,
      '2024-02-29'::date AS date, 'infinity'::timestamptz::text AS text, current_setting('timezone') AS zone`),
  );
  expect(rows).toEqual([
    {
      int8: 9223372036854775807n,
      int8s: [1n, null],
      numeric: '0.10',
      timestamptz: new Date('2024-02-29T21:59:59.123Z'),
      timestamp: new Date('2024-02-29T23:59:59.123Z'),
      date: '2024-02-29',
      text: 'infinity',
      zone: 'UTC',
    },
  ]);
});

test('a transaction commits what it did, and rolls back when its function fails', async () => {
  await withPool(async (pool) => {
    await pool.query('CREATE TABLE kept (id int)');
    await withTransaction(pool, (client) => client.query('INSERT INTO kept VALUES (1)'));
    const failure = withTransaction(pool, async (client) => {
      await client.query('INSERT INTO kept VALUES (2)');
      throw new Error('on purpose');
    });
    await expect(failure).rejects.toThrow('on purpose');
    expect((await pool.query('SELECT id FROM kept')).rows).toEqual([{ id: 1 }]);
  });
});

test('statements by key are planned once, by their index, though the table was empty then', async () => {
  await withPool(async (pool) => {
    await pool.query('CREATE TABLE keyed (id text PRIMARY KEY)');
    await pool.query('ANALYZE keyed');
    const read = { name: 'read', text: 'SELECT id FROM keyed WHERE id = ANY ($1)' };
    for (let n = 0; n < 10; n++) await pool.query({ ...read, values: [['a', 'b']] });
    const { rows: plans } = await pool.query(
      "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'read'",
    );
    expect(plans).toEqual([{ generic_plans: 10n, custom_plans: 0n }]);
    const { rows: plan } = await pool.query(`EXPLAIN (GENERIC_PLAN) ${read.text}`);
    expect(JSON.stringify(plan)).toContain('keyed_pkey');
  }, true);
});

test('a connection that is cut fails its query only: the pool and the process live on', async () => {
  await withPool(async (pool) => {
    const cut = withTransaction(pool, async (client) => {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await client.query('SELECT 1');
    });
    await expect(cut).rejects.toThrow();
    await pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    );
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

test('what is not a URL of PostgreSQL is refused without repeating its password', () => {
  expect(() => openPool('mysql://u:secret@h/d', { applicationName: 'x' })).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_POSTGRES_URL', message: expect.not.stringContaining('secret') }),
  );
});
