import { join } from 'node:path';
import { openSession } from '@tidemark/duckdb';
import { z } from 'zod';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Place, rate, ratioAtLeast, scaled } from './bench.ts';
import { orderRecords, uniform } from './events.ts';

const order = z.object({
  event_id: z.string(),
  event_type: z.literal('order_placed'),
  customer_id: z.string(),
  occurred_at: z.iso.datetime(),
  order_id: z.string(),
  total_amount: z.string(),
});
const recordsOf = (place: Place) => orderRecords(scaled(500_000, place), uniform(10_000));

/** The landing of a first run, from the log to committed files, against parsing and writing the same records as Parquet. */
export const landBench: Bench = {
  name: 'land',
  unit: 'events/s',
  against: 'JSON.parse, zod, Parquet',
  goal: ratioAtLeast(0.7),
  async run(place) {
    const records = recordsOf(place);
    const value = await BatchSystem.with(place, async (system) => {
      await system.append(records);
      return (records.length / (await system.run()).landMs) * 1000;
    });
    const folder = await place.folder();
    const session = await openSession({ memoryLimit: '1GB', threads: 2, tempFolder: join(folder, 'spill') });
    const decoder = new TextDecoder('utf-8', { fatal: true });
    try {
      const baseline = await rate(records.length, async () => {
        await session.connection.run(
          'CREATE TABLE bare (event_id VARCHAR, customer_id VARCHAR, occurred_at BIGINT, raw BLOB)',
        );
        const appender = await session.connection.createAppender('bare');
        for (const { value: bytes } of records) {
          const raw = bytes ?? new Uint8Array();
          const event = order.parse(JSON.parse(decoder.decode(raw)));
          appender.appendVarchar(event.event_id);
          appender.appendVarchar(event.customer_id);
          appender.appendBigInt(BigInt(Date.parse(event.occurred_at)));
          appender.appendBlob(raw);
          appender.endRow();
        }
        appender.closeSync();
        await session.connection.run(
          `COPY bare TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
        );
      });
      return { value, baseline };
    } finally {
      session.close();
    }
  },
};
