import type { Pool } from '@tidemark/postgres';
import { LogError } from '../error.ts';
import { createPartitioner } from '../partitioner.ts';
import type { Append, Appended } from '../port.ts';
import { bytesOf, checkRecord } from '../record-limit.ts';
import type { Topic } from './layout.ts';

/** One statement takes no more than this; a larger append is written in several, in order. */
const MAX_STATEMENT_RECORDS = 5_000;
const MAX_STATEMENT_BYTES = 8 * 1024 * 1024;

/**
 * The partitions' rows are locked in ascending order, so that two appends never wait for each other, and stay locked
 * until the commit: whoever sees an offset sees all below. One statement is one transaction is one round trip.
 */
const appendSql = (table: string): string => `
WITH wanted AS (
  SELECT partition, count(*) AS records FROM unnest($2::int[]) AS partition GROUP BY partition
), locked AS MATERIALIZED (
  SELECT p.partition, w.records
  FROM tidemark_log.partitions p JOIN wanted w USING (partition)
  WHERE p.topic = $1 ORDER BY p.partition FOR UPDATE OF p
), given AS (
  UPDATE tidemark_log.partitions p SET next_offset = p.next_offset + l.records
  FROM locked l WHERE p.topic = $1 AND p.partition = l.partition
  RETURNING p.partition, p.next_offset - l.records AS first
), written AS (
  INSERT INTO ${table} (partition, record_offset, key, value, headers)
  SELECT g.partition, g.first + r.nth, r.key, r.value, r.headers
  FROM unnest($2::int[], $3::int[], $4::bytea[], $5::bytea[], $6::jsonb[]) AS r (partition, nth, key, value, headers)
  JOIN given g USING (partition)
)
SELECT g.partition, g.first, (SELECT count(*) FROM tidemark_log.partitions WHERE topic = $1) AS partitions FROM given g`;

type Placed = { readonly partition: number; readonly nth: number; readonly record: Append };

const headersJson = (headers: Append['headers']): string | null => {
  const names = Object.keys(headers ?? {});
  if (names.length === 0) return null;
  return JSON.stringify(
    Object.fromEntries(names.map((name) => [name, Buffer.from(headers?.[name] ?? []).toString('hex')])),
  );
};

/** `pg` writes typed arrays into array parameters as bytea only when they are Buffers. */
const asBuffer = (bytes: Uint8Array | null): Buffer | null =>
  bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export type Appender = {
  append(records: readonly Append[]): Promise<readonly Appended[]>;
};

/** `partitions` is how many there are as far as is known; each append learns of new ones. */
export function createAppender(
  pool: Pool,
  topic: Topic,
  known: { partitions: number },
  onAppended: (partitions: readonly number[]) => void,
): Appender {
  const place = createPartitioner();
  const sql = appendSql(topic.table);

  const write = async (records: readonly Append[]): Promise<readonly Appended[]> => {
    const counts = new Map<number, number>();
    const placed: Placed[] = records.map((record) => {
      const partition = record.partition ?? place(record.key, known.partitions);
      const nth = counts.get(partition) ?? 0;
      counts.set(partition, nth + 1);
      return { partition, nth, record };
    });
    const { rows } = await pool.query<{ partition: number; first: bigint; partitions: bigint }>({
      name: `tidemark_log_append_${topic.name}`,
      text: sql,
      values: [
        topic.name,
        placed.map((each) => each.partition),
        placed.map((each) => each.nth),
        placed.map((each) => asBuffer(each.record.key)),
        placed.map((each) => asBuffer(each.record.value)),
        placed.map((each) => headersJson(each.record.headers)),
      ],
    });
    const first = new Map(rows.map((row) => [row.partition, row.first]));
    known.partitions = Number(rows[0]?.partitions ?? known.partitions);
    onAppended([...first.keys()]);
    return placed.map(({ partition, nth }) => ({ partition, offset: (first.get(partition) ?? 0n) + BigInt(nth) }));
  };

  return {
    append: async (records) => {
      for (const record of records) checkRecord(record);
      await checkPartitions(pool, topic, known, records);
      const appended: Appended[] = [];
      for (const chunk of chunks(records)) appended.push(...(await write(chunk)));
      return appended;
    },
  };
}

/** A record for a partition that is not there would be left out by the join: it is refused before anything is written. */
async function checkPartitions(
  pool: Pool,
  topic: Topic,
  known: { partitions: number },
  records: readonly Append[],
): Promise<void> {
  const beyond = (record: Append) =>
    record.partition !== undefined && !(record.partition >= 0 && record.partition < known.partitions);
  if (!records.some(beyond)) return;
  const { rows } = await pool.query<{ partitions: bigint }>(
    'SELECT count(*) AS partitions FROM tidemark_log.partitions WHERE topic = $1',
    [topic.name],
  );
  known.partitions = Number(rows[0]?.partitions ?? 0);
  const wrong = records.find(beyond);
  if (wrong !== undefined) {
    throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${topic.name} has no partition ${wrong.partition}.`);
  }
}

function* chunks(records: readonly Append[]): Generator<readonly Append[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, record] of records.entries()) {
    const size = bytesOf(record);
    if (at > from && (at - from >= MAX_STATEMENT_RECORDS || bytes + size > MAX_STATEMENT_BYTES)) {
      yield records.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield records.slice(from);
}
