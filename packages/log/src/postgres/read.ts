import type { Pool } from '@tidemark/postgres';
import { checkInBounds } from '../bounds-check.ts';
import { LogError } from '../error.ts';
import type { LogRecord, ReadResult } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Topic } from './layout.ts';
import type { Wakeups } from './wakeups.ts';

/** One answer holds no more than this, so that large records can't fill the memory. At least one record is answered. */
const MAX_READ_BYTES = 16 * 1024 * 1024;
const MAX_READ_RECORDS = 10_000;

/** Bounds and records in one statement, that is in one snapshot: what is below the end is all there. */
const readSql = (table: string): string => `
SELECT p.start_offset, p.next_offset, r.*
FROM tidemark_log.partitions p LEFT JOIN LATERAL (
  SELECT * FROM (
    SELECT record_offset, (extract(epoch FROM appended_at) * 1000)::bigint AS at_ms, key, value, headers::text AS headers,
      sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0)) OVER (ORDER BY record_offset) AS bytes,
      row_number() OVER (ORDER BY record_offset) AS nth
    FROM (
      SELECT * FROM ${table} WHERE partition = $2 AND record_offset >= $3 ORDER BY record_offset LIMIT $4
    ) AS few
  ) AS sized WHERE nth = 1 OR bytes <= $5
) AS r ON true
WHERE p.topic = $1 AND p.partition = $2
ORDER BY r.record_offset`;

type Row = {
  start_offset: bigint;
  next_offset: bigint;
  /** Null when there is no record; the others are then null as well. */
  record_offset: bigint | null;
  at_ms: bigint | null;
  key: Buffer | null;
  value: Buffer | null;
  headers: string | null;
};

const NO_HEADERS: LogRecord['headers'] = Object.freeze({});

function headersOf(text: string | null): LogRecord['headers'] {
  if (text === null) return NO_HEADERS;
  const parsed: unknown = JSON.parse(text);
  return Object.fromEntries(
    Object.entries(parsed ?? {}).map(([name, hex]) => [name, Uint8Array.from(Buffer.from(String(hex), 'hex'))]),
  );
}

function recordsOf(partition: number, rows: readonly Row[]): LogRecord[] {
  const records: LogRecord[] = [];
  for (const row of rows) {
    if (row.record_offset === null) continue;
    const { key, value } = row;
    const headers = headersOf(row.headers);
    records.push({ partition, offset: row.record_offset, key, value, headers, timestampMs: Number(row.at_ms) });
  }
  return records;
}

export function createReader(pool: Pool, topic: Topic, wakeups: Wakeups): Reader {
  const sql = readSql(topic.table);

  const readNow = async (partition: number, from: bigint, maxRecords: number): Promise<ReadResult> => {
    const { rows } = await pool.query<Row>({
      name: `tidemark_log_read_${topic.name}`,
      text: sql,
      values: [topic.name, partition, from, Math.min(maxRecords, MAX_READ_RECORDS), MAX_READ_BYTES],
    });
    const bounds = rows[0];
    if (bounds === undefined) {
      throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${topic.name} has no partition ${partition}.`);
    }
    checkInBounds(partition, from, { start: bounds.start_offset, end: bounds.next_offset });
    const records = recordsOf(partition, rows);
    const last = records.at(-1);
    const next = last === undefined ? from : last.offset + 1n;
    return { records, next, level: next === bounds.next_offset };
  };

  return {
    read: async (partition, from, { maxRecords, waitMs, signal }) => {
      if (!Number.isInteger(maxRecords) || maxRecords < 1) throw new RangeError('A read asks for at least one record.');
      const deadline = performance.now() + waitMs;
      for (;;) {
        const seen = wakeups.version(`partition ${partition}`);
        const result = await readNow(partition, from, maxRecords);
        const leftMs = deadline - performance.now();
        if (result.records.length > 0 || leftMs <= 0 || signal?.aborted) return result;
        await wakeups.changed(`partition ${partition}`, seen, leftMs, signal);
        if (signal?.aborted) return result;
      }
    },
  };
}
