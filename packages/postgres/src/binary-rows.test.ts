import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { expect, test } from 'vitest';
import { selectBinary } from './binary-rows.ts';
import { openPool } from './pool.ts';

const database = testDatabase();

async function withPool<T>(use: (pool: ReturnType<typeof openPool>) => Promise<T>): Promise<T> {
  const pool = openPool(database.url(), { applicationName: 'binary rows test', max: 1, statementTimeoutMs: 5_000 });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

test('a row by COPY has the values that a query gives', async () => {
  const rows: unknown[] = [];
  const select = `SELECT * FROM (VALUES
    (9223372036854775807::int8, '2024-02-29T23:59:59.1239Z'::timestamptz, '\\x00ff'::bytea, 'ä€😀'),
    (-1, '1999-12-31T23:59:59.999Z', '\\x', ''),
    (NULL, NULL, NULL, NULL)) AS given`;
  await withPool((pool) =>
    selectBinary(pool, select, (row) => rows.push([row.int8(), row.timestampMs(), row.bytes(), row.text()])),
  );
  expect(rows).toEqual([
    [9223372036854775807n, Date.UTC(2024, 1, 29, 23, 59, 59, 123), Buffer.from([0, 255]), 'ä€😀'],
    [-1n, Date.UTC(1999, 11, 31, 23, 59, 59, 999), Buffer.alloc(0), ''],
    [null, null, null, null],
  ]);
});

test('what was read stays as it was while later rows come, whatever their sizes', async () => {
  const kept: { readonly n: bigint | null; readonly bytes: Buffer | null }[] = [];
  // From nothing to several of the driver's buffers, so that messages end anywhere in them.
  const select =
    "SELECT n::int8, convert_to(repeat(chr(97 + n % 26), n * n % 90001), 'UTF8') FROM generate_series(0, 999) AS n";
  await withPool((pool) => selectBinary(pool, select, (row) => kept.push({ n: row.int8(), bytes: row.bytes() })));
  expect(kept).toHaveLength(1_000);
  for (const [at, { n, bytes }] of kept.entries()) {
    expect(n).toBe(BigInt(at));
    expect(bytes?.equals(Buffer.alloc((at * at) % 90_001, String.fromCharCode(97 + (at % 26))))).toBe(true);
  }
});

test('a SELECT without rows has none, and the connection goes on', async () => {
  await withPool(async (pool) => {
    for (let time = 0; time < 3; time++) await selectBinary(pool, 'SELECT 1::int8 WHERE false', () => expect.fail());
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

test.each([
  ['the statement', 'SELECT no_such_column', '42703'],
  ['a row behind others', 'SELECT 1 / (1000 - n) FROM generate_series(1, 1000) AS n', '22012'],
  ['the limit of time', 'SELECT n, pg_sleep(1) FROM generate_series(1, 60) AS n', '57014'],
  ['the connection', 'SELECT pg_terminate_backend(pg_backend_pid())', '57P01'],
])('an error of %s is passed on, and the pool goes on with another connection', async (_, select, code) => {
  await withPool(async (pool) => {
    await expect(selectBinary(pool, select, () => {})).rejects.toMatchObject({ code });
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

test('an error of who reads a row is passed on too', async () => {
  await withPool(async (pool) => {
    const select = 'SELECT n FROM generate_series(1::int8, 1000) AS n';
    const reading = selectBinary(pool, select, () => {
      throw new Error('on purpose');
    });
    await expect(reading).rejects.toThrow('on purpose');
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});
