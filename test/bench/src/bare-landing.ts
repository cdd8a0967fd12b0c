import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openSession, textLiteral } from '@tidemark/duckdb';
import type { Append } from '@tidemark/log';
import { z } from 'zod';

const order = z.object({
  event_id: z.string(),
  event_type: z.literal('order_placed'),
  customer_id: z.string(),
  occurred_at: z.iso.datetime().transform((text) => BigInt(Date.parse(text))),
  order_id: z.string(),
  total_amount: z
    .string()
    .regex(/^\d+\.\d\d$/)
    .transform((text) => BigInt(text.replace('.', ''))),
});

const EVENTS = `position BIGINT, timestamp_ms BIGINT, event_id VARCHAR, event_type VARCHAR, customer_id VARCHAR,
  occurred_at BIGINT, record_key BLOB, raw BLOB`;
const ROWS = `position BIGINT, customer_id VARCHAR, event_id VARCHAR, occurred_at BIGINT, key VARCHAR, order_date BIGINT,
  total_amount BIGINT, cancelled BOOLEAN`;

/**
 * What landing leaves of orders, without a log and for no other event: the records as they came beside their envelope, and
 * the typed rows that a recompute reads, each in a Parquet file that is on disk when it resolves.
 */
export async function landBare(folder: string, records: readonly Append[], timestampMs: number): Promise<void> {
  const session = await openSession({ memoryLimit: '1GB', threads: 2, tempFolder: join(folder, 'spill') });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    await session.connection.run(`CREATE TABLE events (${EVENTS}); CREATE TABLE orders (${ROWS})`);
    const events = await session.connection.createAppender('events');
    const rows = await session.connection.createAppender('orders');
    const at = BigInt(timestampMs);
    let position = 0n;
    for (const { key, value } of records) {
      const raw = value ?? new Uint8Array();
      const event = order.parse(JSON.parse(decoder.decode(raw)));
      events.appendBigInt(position);
      events.appendBigInt(at);
      events.appendVarchar(event.event_id);
      events.appendVarchar(event.event_type);
      events.appendVarchar(event.customer_id);
      events.appendBigInt(event.occurred_at);
      events.appendBlob(key ?? new Uint8Array());
      events.appendBlob(raw);
      events.endRow();
      rows.appendBigInt(position++);
      rows.appendVarchar(event.customer_id);
      rows.appendVarchar(event.event_id);
      rows.appendBigInt(event.occurred_at);
      rows.appendVarchar(event.order_id);
      rows.appendBigInt(event.occurred_at);
      rows.appendBigInt(event.total_amount);
      rows.appendBoolean(false);
      rows.endRow();
    }
    for (const appender of [events, rows]) appender.closeSync();
    for (const table of ['events', 'orders']) {
      const file = join(folder, `${table}.parquet`);
      await session.connection.run(`COPY ${table} TO ${textLiteral(file)} (FORMAT parquet, COMPRESSION zstd)`);
      await sync(file);
    }
    await sync(folder);
  } finally {
    session.close();
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
