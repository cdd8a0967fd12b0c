import { type BinaryFields, type Pool, selectBinary } from '@tidemark/postgres';
import { checkInBounds } from '../bounds-check.ts';
import { LogError } from '../error.ts';
import type { Bounds, LogRecord, ReadResult } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Topic } from './layout.ts';
import type { Wakeups } from './wakeups.ts';

/** One answer holds no more than this, so that large records can't fill the memory. At least one record is answered. */
const MAX_READ_BYTES = 16 * 1024 * 1024;
const MAX_READ_RECORDS = 10_000;

/** Before all records: the row of the partition's bounds. */
const BOUNDS_OFFSET = -1n;

/**
 * Bounds and records in one statement, that is in one snapshot: what is below the end is all there. The bounds come as a row
 * of their own, the first: beside every record they would cost a sort of whole records. Offsets have no gaps, so a page is a
 * range of them and needs no limit: for that, statistics of a log that grew since may have all that follows read and sorted.
 */
function readSql({ name, table }: Topic, partition: number, from: bigint, maxRecords: number): string {
  const below = from + BigInt(maxRecords);
  const few = (columns: string, end: bigint | string) =>
    `SELECT record_offset, ${columns} FROM ${table}
     WHERE partition = ${partition} AND record_offset >= ${from} AND record_offset < ${end}`;
  // By their sizes alone: a window over whole records would copy each of them twice. Mostly all of them fit.
  const sizes = `(${few('coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) AS size', below)}) AS few`;
  const bytesUpTo = `SELECT sum(size) OVER (ORDER BY record_offset ROWS UNBOUNDED PRECEDING) AS bytes FROM ${sizes}`;
  const fitting = `SELECT CASE WHEN coalesce(sum(size), 0) <= ${MAX_READ_BYTES} THEN ${below} ELSE (
      SELECT ${from} + greatest(1, count(*)) FROM (${bytesUpTo}) AS summed WHERE bytes <= ${MAX_READ_BYTES}
    ) END FROM ${sizes}`;
  return `
  SELECT ${BOUNDS_OFFSET}::bigint AS record_offset, start_offset, next_offset, NULL::timestamptz, NULL::bytea, NULL::bytea, NULL::text
  FROM tidemark_log.partitions WHERE topic = '${name}' AND partition = ${partition}
  UNION ALL
  SELECT record_offset, NULL, NULL, appended_at, key, value, headers::text
  FROM (${few('appended_at, key, value, headers', `(${fitting})`)}) AS records
  ORDER BY record_offset`;
}

const NO_HEADERS: LogRecord['headers'] = Object.freeze({});

function headersOf(text: string | null): LogRecord['headers'] {
  if (text === null) return NO_HEADERS;
  const parsed: unknown = JSON.parse(text);
  return Object.fromEntries(
    Object.entries(parsed ?? {}).map(([name, hex]) => [name, Uint8Array.from(Buffer.from(String(hex), 'hex'))]),
  );
}

/** Reads a row of `readSql`. */
function rowOf(partition: number, row: BinaryFields): Bounds | LogRecord {
  const offset = row.int8() ?? BOUNDS_OFFSET;
  const [start, end] = [row.int8(), row.int8()];
  if (start !== null && end !== null) return { start, end };
  const timestampMs = row.timestampMs() ?? 0;
  return { partition, offset, timestampMs, key: row.bytes(), value: row.bytes(), headers: headersOf(row.text()) };
}

export function createReader(pool: Pool, topic: Topic, wakeups: Wakeups): Reader {
  const readNow = async (partition: number, from: bigint, maxRecords: number): Promise<ReadResult> => {
    const sql = readSql(topic, partition, from, Math.min(maxRecords, MAX_READ_RECORDS));
    const bounds: Bounds[] = [];
    const records: LogRecord[] = [];
    await selectBinary(pool, sql, (row) => {
      const read = rowOf(partition, row);
      if ('start' in read) bounds.push(read);
      else records.push(read);
    });
    const [between] = bounds;
    if (between === undefined) {
      throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${topic.name} has no partition ${partition}.`);
    }
    checkInBounds(partition, from, between);
    const last = records.at(-1);
    const next = last === undefined ? from : last.offset + 1n;
    return { records, next, level: next === between.end };
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
