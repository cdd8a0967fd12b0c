import { openLog } from '@tidemark/log/open';
import { openPool } from '@tidemark/postgres';
import { type Bench, rate, scaled } from './bench.ts';
import { copyIn } from './copy-in.ts';
import { chunks, orderRecords } from './events.ts';

const BATCH = 500;
const PAGE = 5_000;

/** Records appended in batches and read back, against the same bytes through COPY into a bare table and one SELECT. */
export const logBench: Bench = {
  name: 'log',
  unit: 'records/s',
  against: 'bare COPY in, SELECT out',
  goal: 0.2,
  embeddedOnly: true,
  async run(place) {
    const records = orderRecords(scaled(200_000, place), 10_000);

    const log = await openLog(await place.database(), { partitions: 4 });
    const value = await rate(records.length, async () => {
      for (const batch of chunks(records, BATCH)) await log.append(batch);
      for (const [partition, { start, end }] of await log.bounds()) {
        let from = start;
        while (from < end) from = (await log.read(partition, from, { maxRecords: PAGE, waitMs: 0 })).next;
      }
    });
    await log.close();

    const pool = openPool(await place.database(), { applicationName: 'tidemark bench' });
    const client = await pool.connect();
    await client.query('CREATE TABLE bare (n bigint PRIMARY KEY, key bytea, value bytea)');
    const hex = (bytes: Uint8Array | null) => `\\\\x${Buffer.from(bytes ?? []).toString('hex')}`;
    const baseline = await rate(records.length, async () => {
      let n = 0;
      for (const batch of chunks(records, PAGE)) {
        const lines = batch.map(({ key, value: bytes }) => `${n++}\t${hex(key)}\t${hex(bytes)}\n`);
        await copyIn(client, 'COPY bare FROM STDIN', [Buffer.from(lines.join(''))]);
      }
      for (let from = 0; from < records.length; from += PAGE)
        await client.query('SELECT * FROM bare WHERE n >= $1 AND n < $2 ORDER BY n', [from, from + PAGE]);
    });
    client.release();
    await pool.end();
    return { value, baseline };
  },
};
