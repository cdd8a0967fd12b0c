import { tmpdir } from 'node:os';
import { identifier, openSession, type Session } from '@tidemark/duckdb';
import { type ColumnType, DUCKDB_TYPES } from '@tidemark/metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestSql } from './state-digest.ts';

let session: Session;

beforeAll(async () => {
  session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: tmpdir() });
});

afterAll(() => session.close());

/** Values that are easily taken for one another, as SQL. */
const VALUES: readonly { readonly type: ColumnType; readonly values: readonly string[] }[] = [
  { type: 'int64', values: ['0', '1', '-1', '256', String(2n ** 63n - 1n)] },
  { type: 'varint', values: ['0', '1', '-1', String(2n ** 64n), String(10n ** 38n - 1n), String(1n - 10n ** 38n)] },
  { type: 'int32', values: ['0', '1', '-1', '65536'] },
  { type: 'timestamp', values: ["'1970-01-01 00:00:00'", "'2026-01-01 00:00:00'", "'2026-01-01 00:00:00.001'"] },
  { type: 'text', values: ["''", "'0'", "'NULL'", "'a'", "'a '", "'ä'", "'A'", "chr(1) || 'a'"] },
  { type: 'text_set', values: ['[]', "['']", "['a', 'b']", "['a, b']", "['ab']", "['a', 'b', 'c']", "['NULL']"] },
  {
    type: 'text_counts',
    values: ['MAP {}', "MAP {'a': 1}", "MAP {'a': 2}", "MAP {'a': 1, 'b': 2}", "MAP {'ab': 12}", "MAP {'': 1}"],
  },
  { type: 'hour_counts', values: ['MAP {}', 'MAP {1: 12}', 'MAP {11: 2}', 'MAP {1: 1, 2: 2}', 'MAP {1: 1}'] },
];

async function digests(columns: readonly { name: string; type: ColumnType }[], rows: readonly string[]) {
  const declared = columns.map(({ name, type }) => `${identifier(name)} ${DUCKDB_TYPES[type]}`);
  await session.connection.run(`CREATE OR REPLACE TABLE states (customer_id VARCHAR, ${declared.join(', ')})`);
  await session.connection.run(`INSERT INTO states VALUES ${rows.join(', ')}`);
  const found = await session.connection.runAndReadAll(`SELECT ${digestSql(columns)} FROM states`);
  return found.getRows().map(([digest]) => String(digest));
}

describe('the digest of a state', () => {
  it.each(VALUES)('differs for any two values of a column of $type', async ({ type, values }) => {
    const rows = ['NULL', ...values].map((value) => `('c', ${value})`);
    expect(new Set(await digests([{ name: 'value', type }], rows)).size).toBe(rows.length);
  });

  it('differs where a value stands in another column, and for another customer', async () => {
    const columns = ['a', 'b'].map((name) => ({ name, type: 'text' as const }));
    const rows = [
      "('c', 'x', NULL)",
      "('c', NULL, 'x')",
      "('c', 'x', '')",
      "('cx', '', '')",
      "('c', 'xy', 'z')",
      "('c', 'x', 'yz')",
    ];
    expect(new Set(await digests(columns, rows)).size).toBe(rows.length);
  });

  it('is the same for the same customer in the same state', async () => {
    const columns = [{ name: 'value', type: 'hour_counts' as const }];
    expect(new Set(await digests(columns, ["('c', MAP {1: 5})", "('c', MAP {1: 5})"])).size).toBe(1);
  });
});
