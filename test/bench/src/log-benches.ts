import type { Bounds, EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { openPool, type PoolClient } from '@tidemark/postgres';
import { type Bench, type Place, rate, ratioAtLeast, scaled, valueAtLeast } from './bench.ts';
import { copyIn, copyOut } from './copy.ts';
import { chunks, orderRecords, uniform } from './events.ts';

const BATCH = 500;
const PAGE = 5_000;
/** How often the records are appended for those who read: so many that what is compiled meanwhile weighs little. */
const TIMES = 5;

const recordsOf = (place: Place) => orderRecords(scaled(200_000, place), uniform(10_000));

async function append(log: EventLog, records: ReturnType<typeof recordsOf>): Promise<void> {
  for (const batch of chunks(records, BATCH)) await log.append(batch);
}

/** The bytes of the records, as often committed as the log does it. */
async function appendBare(client: PoolClient, records: ReturnType<typeof recordsOf>): Promise<void> {
  const hex = (bytes: Uint8Array | null) => `\\\\x${Buffer.from(bytes ?? []).toString('hex')}`;
  for (const batch of chunks(records, BATCH)) {
    const lines = batch.map(({ key, value }) => `${hex(key)}\t${hex(value)}\n`);
    await copyIn(client, 'COPY bare (key, value) FROM STDIN', [Buffer.from(lines.join(''))]);
  }
}

async function withBareTable<T>(place: Place, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const pool = openPool(await place.database(), { applicationName: 'tidemark bench' });
  const client = await pool.connect();
  try {
    await client.query('CREATE TABLE bare (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key bytea, value bytea)');
    return await work(client);
  } finally {
    client.release();
    await pool.end();
  }
}

async function withLog<T>(place: Place, work: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await openLog(await place.log(), { partitions: 4 });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

/** Records appended in batches, each durable before the next, against the same bytes through COPY into a bare table. */
export const appendBench: Bench = {
  name: 'log-append',
  unit: 'records/s',
  against: 'bare COPY in',
  goal: valueAtLeast(30_000),
  embeddedOnly: true,
  async run(place) {
    const records = recordsOf(place);
    const value = await withLog(place, (log) => rate(records.length, () => append(log, records)));
    const baseline = await withBareTable(place, (client) => rate(records.length, () => appendBare(client, records)));
    return { value, baseline };
  },
};

/** All records, the partitions side by side as their consumers read them, against COPY of the same bytes out of a bare table. */
export const readBench: Bench = {
  name: 'log-read',
  unit: 'records/s',
  against: 'bare COPY out',
  goal: ratioAtLeast(0.8),
  embeddedOnly: true,
  async run(place) {
    // Of their own, so that a reader has nobody's records in memory but those it reads.
    const repeatedly = async (work: (records: ReturnType<typeof recordsOf>) => Promise<void>) => {
      const records = recordsOf(place);
      for (let n = 0; n < TIMES; n++) await work(records);
      return TIMES * records.length;
    };
    const value = await withLog(place, async (log) => {
      const count = await repeatedly((records) => append(log, records));
      const readAll = async (partition: number, { start, end }: Bounds) => {
        let from = start;
        while (from < end) from = (await log.read(partition, from, { maxRecords: PAGE, waitMs: 0 })).next;
      };
      return await rate(count, async () => {
        await Promise.all([...(await log.bounds())].map(([partition, bounds]) => readAll(partition, bounds)));
      });
    });
    const baseline = await withBareTable(place, async (client) => {
      const count = await repeatedly((records) => appendBare(client, records));
      return await rate(count, () => copyOut(client, 'COPY (SELECT * FROM bare ORDER BY n) TO STDOUT'));
    });
    return { value, baseline };
  },
};
