import { setTimeout as pause } from 'node:timers/promises';
import { checkInBounds } from '../bounds-check.ts';
import { LogError } from '../error.ts';
import type { Bounds, LogRecord, ReadResult } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Brokers, Fetched, FetchPartition, Message } from './brokers.ts';
import { brokerError, persist } from './outage.ts';

/** How long a reader waits for connections and leaders to come back before it says that the log can't be reached. */
const OUTAGE_MS = 3_000;
/** What an answer may hold is asked for in bytes: about so many a record, within bounds. One whole batch comes always. */
const BYTES_PER_RECORD = 256;
const MIN_FETCH_BYTES = 64 * 1024;
const MAX_FETCH_BYTES = 1024 * 1024;
/**
 * How often a reader that waits asks again. Requests of one connection are answered in turn, so one that waited at the broker
 * would hold up all others.
 */
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 160;
/** How soon a reader finds that the topic was made again, if the new one could be taken for the old one. */
const TOPIC_AGE_MS = 1_000;

/**
 * The markers of transactions take offsets that hold no record. So few at the end are looked through at once, since whoever
 * gets the last record wants to know that it was the last.
 */
const TAIL_OFFSETS = 64n;

/** What an answer brought: its records in order, where to read on, and where the partition ended then. */
type Chunk = {
  readonly from: bigint;
  readonly records: readonly LogRecord[];
  readonly next: bigint;
  readonly end: bigint;
};

/**
 * Reads any partition from any offset, without a group: what lies below an offset asked for is never answered. kafkajs decodes
 * all that a broker sends: what is over after a read is kept, one answer for each partition at most, for who reads on.
 */
export function createReader(brokers: Brokers, boundsOf: () => Promise<ReadonlyMap<number, Bounds>>): Reader {
  const kept = new Map<number, Chunk>();

  const checkPartition = async (partition: number): Promise<void> => {
    if ((await brokers.topology(TOPIC_AGE_MS)).leaders.has(partition)) return;
    if ((await brokers.topology(0)).leaders.has(partition)) return;
    throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${brokers.topic} has no partition ${partition}.`);
  };

  /** Null when it was called off before anything came. */
  const fetch = async (wanted: FetchPartition, deadline: number, signal?: AbortSignal): Promise<Chunk | null> => {
    for (let pauseMs = FIRST_PAUSE_MS; !signal?.aborted; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      await checkPartition(wanted.partition);
      try {
        const chunk = chunkOf(await brokers.fetch(wanted), wanted.from);
        const leftMs = deadline - performance.now();
        if (chunk.next > wanted.from || leftMs <= 0) return chunk;
        await pause(Math.min(pauseMs, Math.ceil(leftMs)), undefined, { signal }).catch(() => {});
      } catch (error) {
        if (brokerError(error) !== 'OFFSET_OUT_OF_RANGE') throw error;
        const bounds = (await boundsOf()).get(wanted.partition);
        if (bounds !== undefined) checkInBounds(wanted.partition, wanted.from, bounds);
        // In range by now: asked again.
      }
    }
    return null;
  };

  return {
    read: async (partition, from, { maxRecords, waitMs, signal }): Promise<ReadResult> => {
      if (!Number.isInteger(maxRecords) || maxRecords < 1) throw new RangeError('A read asks for at least one record.');
      const maxBytes = Math.min(Math.max(maxRecords * BYTES_PER_RECORD, MIN_FETCH_BYTES), MAX_FETCH_BYTES);
      const deadline = performance.now() + waitMs;
      let records: readonly LogRecord[] = [];
      for (let next = from; ; ) {
        const rest = kept.get(partition);
        kept.delete(partition);
        const isRest = rest?.from === next;
        const until = records.length > 0 ? 0 : deadline;
        const attempt = () => fetch({ partition, from: next, maxBytes }, until, signal);
        const chunk = isRest ? rest : await persist(OUTAGE_MS, attempt, signal);
        if (chunk === null) return { records, next, level: false };
        if (records.length > 0 && chunk.records.length > 0) {
          kept.set(partition, chunk);
          return { records, next, level: false };
        }
        const over = chunk.records[maxRecords];
        if (over !== undefined) {
          kept.set(partition, { ...chunk, from: over.offset, records: chunk.records.slice(maxRecords) });
          return { records: chunk.records.slice(0, maxRecords), next: over.offset, level: false };
        }
        if (records.length === 0) records = chunk.records;
        const isAhead = chunk.next > next;
        next = chunk.next;
        const level = !isRest && next >= chunk.end;
        // What was kept does not know what has come since; near the end, and where there were markers alone, another look.
        const isFarFromEnd = chunk.end - next > TAIL_OFFSETS;
        const isDone = !isAhead || (records.length > 0 && (level || isFarFromEnd));
        if (isDone || signal?.aborted) return { records, next, level };
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
  if (last === undefined) return { from, records, next: end > from ? from + 1n : from, end };
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
  return { from, records, next: next > from ? next : from, end };
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
