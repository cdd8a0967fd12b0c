import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { openPool, type Pool } from '@tidemark/postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EventLog } from '../port.ts';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { numbered, text } from '../testing/records.ts';
import { openPostgresLog } from './log.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let outside: Pool;
let logs: EventLog[] = [];

beforeEach(async () => {
  database = await freshDatabase();
  outside = openPool(database.url, { applicationName: 'outside' });
});
afterEach(async () => {
  await Promise.all(logs.map((log) => log.close()));
  logs = [];
  await outside.end();
  await database.drop();
});

async function open(applicationName = 'log'): Promise<EventLog> {
  const log = await openPostgresLog(database.url, { leaseMs: 1_000, applicationName });
  logs.push(log);
  return log;
}

const pidsOf = async (where: string): Promise<readonly number[]> => {
  const { rows } = await outside.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${where}`,
  );
  return rows.map((row) => row.pid);
};

const cut = (pids: readonly number[]) =>
  outside.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);

const LISTENS = `query LIKE 'LISTEN%'`;

test('a record that nobody was told of is found long before the wait is over', async () => {
  const log = await open();
  const waiting = log.read(0, 0n, { maxRecords: 5, waitMs: 30_000 });
  await vi.waitFor(async () => expect(await pidsOf(LISTENS)).toHaveLength(1), { timeout: 5_000 });
  await outside.query(`WITH given AS (
      UPDATE tidemark_log.partitions SET next_offset = next_offset + 1 WHERE partition = 0 RETURNING next_offset - 1 AS at
    ) INSERT INTO tidemark_log.records_customer_events (partition, record_offset, value) SELECT 0, at, 'untold' FROM given`);
  const writtenAt = performance.now();
  expect((await waiting).records.map(text)).toEqual(['untold']);
  expect(performance.now() - writtenAt).toBeLessThan(15_000);
});

test('a listening connection that is cut is made again, and readers are woken promptly again', async () => {
  const [reader, writer] = [await open(), await open()];
  await vi.waitFor(async () => expect(await pidsOf(LISTENS)).toHaveLength(2), { timeout: 5_000 });
  const before = await pidsOf(LISTENS);
  await cut(before);
  await vi.waitFor(
    async () => {
      const now = await pidsOf(LISTENS);
      expect(now).toHaveLength(2);
      expect(now.some((pid) => before.includes(pid))).toBe(false);
    },
    { timeout: 5_000 },
  );
  // A reader that is not woken looks once a second. The quickest of several: a busy machine delays some of them.
  const tookMs: number[] = [];
  for (let offset = 0n; offset < 5n; offset++) {
    const waiting = reader.read(3, offset, { maxRecords: 5, waitMs: 30_000 });
    await writer.append([{ key: null, value: null, partition: 3 }]);
    const appendedAt = performance.now();
    expect((await waiting).records).toHaveLength(1);
    tookMs.push(performance.now() - appendedAt);
  }
  expect(Math.min(...tookMs)).toBeLessThan(300);
});

test('members live through cut connections: nothing is lost, nothing is an error', async () => {
  const [writer, reader] = [await open('writer'), await open('reader')];
  const group = new RecordedGroup();
  const member = await reader.consume('group', group.handler('a'));
  let failed: unknown = null;
  member.done.catch((error: unknown) => {
    failed = error;
  });
  for (let round = 1; round <= 4; round += 1) {
    await writer.append(numbered(`round ${round}`, 50));
    await vi.waitFor(() => expect(group.records).toHaveLength(round * 50), { timeout: 10_000 });
    await cut(await pidsOf("application_name LIKE 'reader%'"));
  }
  await vi.waitFor(async () => expect(await pidsOf(LISTENS)).toHaveLength(2), { timeout: 5_000 });
  expect(failed).toBeNull();
  expect(new Set(group.values()).size).toBe(200);
});

test('a server that is not there is an outage: worth another try', async () => {
  const url = new URL(database.url);
  // Nobody listens on the discard port of loopback.
  url.port = '9';
  await expect(openPostgresLog(url.toString())).rejects.toMatchObject({
    code: 'TIDEMARK_LOG_UNAVAILABLE',
    retryable: true,
  });
});

test('a full disk is said to be one, and nothing of the append is there', async () => {
  const log = await open();
  await outside.query(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON tidemark_log.records_customer_events EXECUTE FUNCTION full_disk()`);
  await expect(log.append(numbered('event', 10))).rejects.toMatchObject({ code: 'TIDEMARK_LOG_FULL', retryable: true });
  await outside.query('DROP FUNCTION full_disk CASCADE');
  await log.append([{ key: null, value: null, partition: 0 }]);
  expect([...(await log.bounds()).values()].map(({ end }) => end)).toEqual([1n, 0n, 0n, 0n]);
});

test('a topic that was deleted and made again has another identity', async () => {
  const log = await open();
  const before = await log.identity();
  await outside.query('TRUNCATE tidemark_log.topics CASCADE');
  const again = await open();
  expect(await again.identity()).not.toBe(before);
  expect(await log.identity()).toBe(await again.identity());
});

test('a topic is made once, by however many open it at once, and a name that is no table is refused', async () => {
  const opened = await Promise.all([open(), open(), open(), open()]);
  expect(new Set(await Promise.all(opened.map((log) => log.identity()))).size).toBe(1);
  for (const topic of ['', 'Events', 'a-b', '1a', 'a'.repeat(60), 'x"; DROP SCHEMA public; --']) {
    await expect(openPostgresLog(database.url, { topic })).rejects.toMatchObject({ code: 'TIDEMARK_LOG_BAD_TOPIC' });
  }
});
