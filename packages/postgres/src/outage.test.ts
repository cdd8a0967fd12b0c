import { createDatabase, databaseUrl } from '@tidemark/embedded-postgres';
import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { expect, test } from 'vitest';
import { quoteIdentifier } from './identifier.ts';
import { isOutage } from './outage.ts';
import { openPool } from './pool.ts';

const database = testDatabase();

async function failureOf(url: string, sql: string, statementTimeoutMs = 5_000): Promise<unknown> {
  const pool = openPool(url, { applicationName: 'outage test', statementTimeoutMs });
  try {
    await pool.query(sql);
    return null;
  } catch (error) {
    return error;
  } finally {
    await pool.end();
  }
}

test('a server that is not there, or hangs up, is an outage', async () => {
  const url = new URL(database.url());
  // Nobody listens on the discard port of loopback.
  url.port = '9';
  expect(isOutage(await failureOf(url.toString(), 'SELECT 1'))).toBe(true);
  expect(isOutage(await failureOf(database.url(), 'SELECT pg_terminate_backend(pg_backend_pid())'))).toBe(true);
});

test('what a statement, its limit or a URL has wrong is none: trying again would not help', async () => {
  const timedOut = await failureOf(database.url(), 'SELECT pg_sleep(30)', 100);
  expect(timedOut).toMatchObject({ code: '57014' });
  for (const error of [
    timedOut,
    await failureOf(database.url(), 'SELECT no_such_column'),
    await failureOf(databaseUrl(database.url(), 'no_such_database'), 'SELECT 1'),
    new Error('anything'),
    'not even an error',
  ]) {
    expect(isOutage(error)).toBe(false);
  }
});

test('a name stays one identifier, whatever is in it', async () => {
  const name = `quo"te; DROP DATABASE postgres; -- ${process.pid}`;
  const url = await createDatabase(database.url(), name);
  await expect(createDatabase(database.url(), name)).resolves.toBe(url);
  const pool = openPool(url, { applicationName: 'identifier test' });
  expect((await pool.query('SELECT current_database() AS name')).rows).toEqual([{ name }]);
  await pool.end();
  expect(() => quoteIdentifier('')).toThrow(RangeError);
  expect(() => quoteIdentifier('a\0b')).toThrow(RangeError);
});
