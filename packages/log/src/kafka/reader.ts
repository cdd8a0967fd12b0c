import { LogError } from '../error.ts';
import type { LogRecord, ReadResult } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Cluster } from './cluster.ts';
import type { Codecs } from './codecs.ts';
import { Fetcher } from './fetcher.ts';
import { readBounds } from './offsets.ts';
import { decodeBatches } from './record-batch.ts';
import type { FetchedPartition } from './requests/fetch.ts';
import { isProtocolError } from './wire/protocol-error.ts';

/** How long a reader waits for connections and leaders to come back before it says that the log can't be reached. */
const OUTAGE_MS = 3_000;
/** What an answer may hold is asked for in bytes: about so many a record, within bounds. One whole batch comes always. */
const BYTES_PER_RECORD = 256;
const MIN_FETCH_BYTES = 64 * 1024;
const MAX_FETCH_BYTES = 4 * 1024 * 1024;
/**
 * The markers of transactions take offsets that hold no record. So few at the end are looked through at once, since whoever
 * gets the last record wants to know that it was the last.
 */
const TAIL_OFFSETS = 64n;

/** Reads any partition from any offset, without a group: what lies below an offset asked for is never answered. */
export function createReader(cluster: Cluster, topicId: string, codecs: Codecs): Reader {
  const fetcher = new Fetcher(cluster, topicId);

  const outOfRange = async (partition: number, from: bigint): Promise<void> => {
    const { start, end } = (await readBounds(cluster, [partition])).get(partition) ?? { start: from, end: from };
    if (from < start) {
      throw new LogError(
        'TIDEMARK_LOG_GAP',
        `Partition ${partition} begins at ${start}, and ${from} was asked for: retention has run past this reader. Rebuild its view from the lake.`,
      );
    }
    if (from > end) {
      throw new LogError(
        'TIDEMARK_LOG_SHRUNK',
        `Partition ${partition} ends at ${end}, and ${from} was asked for: the log was truncated, restored, or is another one.`,
      );
    }
    // In range by now: asked again.
  };

  const fetchFrom = async (
    partition: number,
    from: bigint,
    maxBytes: number,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<FetchedPartition | null> => {
    for (;;) {
      try {
        return await fetcher.fetch({ partition, from, maxBytes, waitMs, signal });
      } catch (error) {
        if (!isProtocolError(error, 'OFFSET_OUT_OF_RANGE')) throw error;
        await outOfRange(partition, from);
      }
    }
  };

  return {
    read: async (partition, from, { maxRecords, waitMs, signal }): Promise<ReadResult> => {
      if (!Number.isInteger(maxRecords) || maxRecords < 1) throw new RangeError('A read asks for at least one record.');
      await checkPartition(cluster, partition);
      const maxBytes = Math.min(Math.max(maxRecords * BYTES_PER_RECORD, MIN_FETCH_BYTES), MAX_FETCH_BYTES);
      const deadline = performance.now() + waitMs;
      const records: LogRecord[] = [];
      let bytes = 0;
      for (let next = from; ; ) {
        const leftMs = records.length > 0 ? 0 : Math.max(0, deadline - performance.now());
        const attempt = () => fetchFrom(partition, next, maxBytes, leftMs, signal);
        const fetched = await cluster.persist(OUTAGE_MS, attempt, signal);
        if (fetched === null) return { records, next, level: false };
        const { aborted, end } = fetched;
        const wanted = maxRecords - records.length;
        const decoded = decodeBatches(fetched.records, { partition, from: next, maxRecords: wanted, aborted, codecs });
        // There is enough: this was only to see whether more than markers follow.
        if (bytes >= MAX_FETCH_BYTES && decoded.records.length > 0) return { records, next, level: false };
        for (const record of decoded.records) records.push(record);
        bytes += fetched.records.length;
        const isAhead = decoded.next > next;
        next = decoded.next;
        const level = next >= end;
        const isDone =
          records.length > 0
            ? level || !isAhead || records.length >= maxRecords || end - next > TAIL_OFFSETS
            : !isAhead && (level || performance.now() >= deadline);
        if (isDone || signal?.aborted) return { records, next, level };
      }
    },
  };
}

async function checkPartition(cluster: Cluster, partition: number): Promise<void> {
  if ((await cluster.topology(Number.POSITIVE_INFINITY)).leaders.has(partition)) return;
  if ((await cluster.topology(0)).leaders.has(partition)) return;
  throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${cluster.topic} has no partition ${partition}.`);
}
