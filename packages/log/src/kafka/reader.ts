import { LogError } from '../error.ts';
import type { Bounds, LogRecord, ReadResult } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Brokers, Fetched, Message } from './brokers.ts';
import type { Fetcher, Wait } from './fetcher.ts';
import { brokerError, persist } from './outage.ts';

/** How long a reader waits for connections and leaders to come back before it says that the log can't be reached. */
const OUTAGE_MS = 3_000;
/** What an answer may hold is asked for in bytes: about so many a record, within bounds. One whole batch comes always. */
const BYTES_PER_RECORD = 256;
const MIN_FETCH_BYTES = 64 * 1024;
const MAX_FETCH_BYTES = 1024 * 1024;
/** How soon a reader finds that the topic was made again, if the new one could be taken for the old one. */
const TOPIC_AGE_MS = 1_000;

/** What an answer brought: its records in order, where to read on, and where the partition ended then. */
type Chunk = { readonly records: readonly LogRecord[]; readonly next: bigint; readonly end: bigint };

/**
 * Reads any partition from any offset, without a group: what lies below an offset asked for is never answered. kafkajs decodes
 * all that a broker sends; what is over after a read is kept, one answer for each partition at most, for who reads on.
 */
export function createReader(
  brokers: Brokers,
  fetcher: Fetcher,
  boundsOf: () => Promise<ReadonlyMap<number, Bounds>>,
): Reader {
  const kept = new Map<number, Chunk>();

  const outOfRange = async (partition: number, from: bigint): Promise<void> => {
    const { start, end } = (await boundsOf()).get(partition) ?? { start: from, end: from };
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

  const checkPartition = async (partition: number): Promise<void> => {
    if ((await brokers.topology(TOPIC_AGE_MS)).leaders.has(partition)) return;
    if ((await brokers.topology(0)).leaders.has(partition)) return;
    throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${brokers.topic} has no partition ${partition}.`);
  };

  const fetch = async (wait: Wait): Promise<Chunk | null> => {
    try {
      const fetched = await fetcher.fetch(wait);
      return fetched && chunkOf(fetched, wait.from);
    } catch (error) {
      if (brokerError(error) === 'OFFSET_OUT_OF_RANGE') await outOfRange(wait.partition, wait.from);
      throw error;
    }
  };

  return {
    read: async (partition, from, { maxRecords, waitMs, signal }): Promise<ReadResult> => {
      if (!Number.isInteger(maxRecords) || maxRecords < 1) throw new RangeError('A read asks for at least one record.');
      const maxBytes = Math.min(Math.max(maxRecords * BYTES_PER_RECORD, MIN_FETCH_BYTES), MAX_FETCH_BYTES);
      const deadline = performance.now() + waitMs;
      await persist(OUTAGE_MS, () => checkPartition(partition), signal);
      let records: readonly LogRecord[] = [];
      for (let next = from; ; ) {
        const rest = kept.get(partition);
        kept.delete(partition);
        const isRest = rest !== undefined && rest.records[0]?.offset === next;
        const attempt = async () => {
          const leftMs = records.length > 0 ? 0 : Math.max(0, deadline - performance.now());
          return fetch({ partition, from: next, maxBytes, waitMs: leftMs, signal });
        };
        const chunk = isRest ? rest : await persist(OUTAGE_MS, attempt, signal);
        if (chunk === null) return { records, next, level: false };
        const wanted = maxRecords - records.length;
        const over = chunk.records[wanted];
        records = [...records, ...chunk.records.slice(0, wanted)];
        if (over !== undefined) {
          kept.set(partition, { ...chunk, records: chunk.records.slice(wanted) });
          return { records, next: over.offset, level: false };
        }
        const isAhead = chunk.next > next;
        next = chunk.next;
        // What was kept does not know what has come since, and where there were markers alone there may be records behind.
        const isEnough = isRest ? records.length === maxRecords : records.length > 0 || !isAhead;
        if (isEnough || signal?.aborted) return { records, next, level: !isRest && next >= chunk.end };
      }
    },
  };
}

/** kafkajs answers whole batches: what is below `from`, markers, and what a transaction took back are left out. */
function chunkOf(fetched: Fetched, from: bigint): Chunk {
  const { partition, messages } = fetched;
  const records: LogRecord[] = [];
  const end = BigInt(fetched.lastStableOffset);
  const last = messages.at(-1)?.batchContext;
  // A batch of which compaction has left nothing is not even named: one offset after the other leads out of it.
  if (last === undefined) return { records, next: end > from ? from + 1n : from, end };
  for (const message of committed(fetched)) {
    const offset = BigInt(message.offset);
    if (offset < from) continue;
    const { key, value } = message;
    records.push({
      partition,
      offset,
      key,
      value,
      headers: headersOf(message),
      timestampMs: Number(message.timestamp),
    });
  }
  const next = BigInt(last.firstOffset) + BigInt(last.lastOffsetDelta) + 1n;
  return { records, next: next > from ? next : from, end };
}

const ABORT_MARKER = Buffer.from([0, 0, 0, 0]);

/** The messages in order, without those of transactions that were aborted (KIP-98), and without the markers. */
function* committed({ messages, abortedTransactions }: Fetched): Generator<Message> {
  const aborted = [...abortedTransactions]
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const open = new Set<string>();
  for (const message of messages) {
    const { producerId, inTransaction } = message.batchContext;
    while (aborted[0] !== undefined && aborted[0].firstOffset <= BigInt(message.offset)) {
      open.add(aborted[0].producerId);
      aborted.shift();
    }
    if (message.isControlRecord) {
      if (message.key?.equals(ABORT_MARKER)) open.delete(producerId);
    } else if (!inTransaction || !open.has(producerId)) yield message;
  }
}

const NO_HEADERS: LogRecord['headers'] = Object.freeze({});
const EMPTY = new Uint8Array();

/** Of headers with one name the last counts, as Kafka's `lastHeader` has it. A null header reads as an empty one. */
function headersOf({ headers }: Message): LogRecord['headers'] {
  const names = Object.keys(headers);
  if (names.length === 0) return NO_HEADERS;
  return Object.fromEntries(
    names.map((name) => {
      const value = headers[name];
      return [name, (Array.isArray(value) ? value.at(-1) : value) ?? EMPTY];
    }),
  );
}
