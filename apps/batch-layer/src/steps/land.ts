import { parse } from '@tidemark/contracts';
import type { EventWriter, LandedHead, LandedRange, RowWriter } from '@tidemark/lake';
import { barrierOf, fingerprint, hasBarrierHeader, LogError, type LogRecord } from '@tidemark/log';
import { reached } from '@tidemark/runtime';
import type { BatchContext } from '../batch-context.ts';
import { BatchError } from '../error.ts';

const READ_RECORDS = 5_000;
/** How long the log may keep a run waiting for the barrier that the run itself appended. */
const BARRIER_WAIT_MS = 10_000;
/** A range is filed when it has so many records, wherever the next barrier is. */
const RANGE_RECORDS = 1_000_000;

export type LandCounts = { records: number; events: number; rejected: number };

/**
 * Copies a partition from where it was landed last into the lake, up to the cut: the first barrier numbered at or above
 * `generation`, which is found by reading the log. Answers the cut's offset. What another process landed meanwhile is
 * taken as it is.
 */
export async function landPartition(
  context: BatchContext,
  partition: number,
  generation: number,
  counts: LandCounts,
): Promise<bigint> {
  for (;;) {
    const landed = (await context.lake.ranges()).filter((range) => range.partition === partition);
    const cut = landed.flatMap(({ barriers }) => barriers).find((barrier) => barrier.generation >= generation);
    if (cut) return cut.offset;
    try {
      await landRange(context, partition, landed.at(-1)?.head ?? null, counts);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'TIDEMARK_LAKE_RACE')) throw error;
    }
  }
}

/** Lands one range: up to and with the next barrier that begins an epoch, or as many records as a range may have. */
async function landRange(
  context: BatchContext,
  partition: number,
  head: LandedHead | null,
  counts: LandCounts,
): Promise<void> {
  const { log, lake, definition, catalog } = context;
  const start = await startOf(context, partition, head);
  const writers = { events: await lake.eventWriter(), rows: await lake.rowWriter(definition) };
  try {
    const copied = await copyRange(context, partition, start, head?.epoch ?? 0, writers);
    const { barrier, last, next, unknownFields } = copied;
    const range: LandedRange = {
      partition,
      start,
      head: {
        end: next,
        epoch: barrier?.generation ?? head?.epoch ?? 0,
        previousEpoch: barrier ? (head?.epoch ?? 0) : (head?.previousEpoch ?? null),
        last: { offset: last.offset, fingerprint: fingerprint(last) },
        logId: await log.identity(),
      },
      barriers: barrier ? [barrier] : [],
      file: await writers.events.finish(),
      counts: copied.counts,
    };
    const rows = await writers.rows.finish();
    reached('land: files put');
    await lake.commitRange(definition, range, rows);
    reached('land: range filed');
    if (unknownFields.size > 0) await catalog.addUnknownFields(unknownFields, `landed ${partition} ${start}`);
    counts.records += copied.counts.records;
    counts.events += copied.counts.events;
    counts.rejected += copied.counts.rejected;
  } finally {
    await writers.events.discard();
    await writers.rows.discard();
  }
}

type Copied = {
  /** The barrier that ended the range; null when it was full before. */
  readonly barrier: LandedRange['barriers'][number] | null;
  readonly last: LogRecord;
  readonly next: bigint;
  readonly counts: LandCounts;
  readonly unknownFields: ReadonlyMap<string, bigint>;
};

/** Copies records, as they come, into the writers. */
async function copyRange(
  { log, definition, progress }: BatchContext,
  partition: number,
  start: bigint,
  epoch: number,
  writers: { readonly events: EventWriter; readonly rows: RowWriter },
): Promise<Copied> {
  const counts: LandCounts = { records: 0, events: 0, rejected: 0 };
  const unknownFields = new Map<string, bigint>();
  let next = start;
  for (;;) {
    const batch = await log.read(partition, next, { maxRecords: READ_RECORDS, waitMs: BARRIER_WAIT_MS });
    const last = batch.records.at(-1);
    if (!last) {
      throw new BatchError(
        'TIDEMARK_BATCH_NO_BARRIER',
        `Partition ${partition} ends at offset ${next}, before the run's barrier.`,
        { retryable: true },
      );
    }
    for (const record of batch.records) {
      if (hasBarrierHeader(record)) {
        const barrier = barrierOf(record);
        if (barrier === null || barrier.generation <= epoch) continue;
        const { offset } = record;
        return { barrier: { ...barrier, offset }, last: record, next: offset + 1n, counts, unknownFields };
      }
      const value = record.value ?? new Uint8Array();
      const parsed = parse(value, { currency: definition.currency });
      const place = { epoch, partition, offset: record.offset };
      writers.events.append({ place, key: record.key, value, timestampMs: record.timestampMs, parsed });
      counts.records++;
      if (parsed.ok) {
        counts.events++;
        writers.rows.append(place, parsed.event);
        for (const field of parsed.unknownFields) unknownFields.set(field, (unknownFields.get(field) ?? 0n) + 1n);
      } else counts.rejected++;
    }
    next = batch.next;
    progress({ generation: 0, step: 'land', detail: `partition ${partition}`, done: counts.records });
    if (counts.records >= RANGE_RECORDS) return { barrier: null, last, next, counts, unknownFields };
  }
}

/** Where to land on from. The last landed record is read again: a log that was swapped or truncated is found first. */
async function startOf({ log }: BatchContext, partition: number, head: LandedHead | null): Promise<bigint> {
  const start = (await log.bounds()).get(partition)?.start ?? 0n;
  if (!head) return start;
  const logId = await log.identity();
  if (logId !== head.logId) {
    throw changed(`The lake was landed from log ${head.logId}, but this is log ${logId}.`);
  }
  if (start > head.end) {
    throw new BatchError(
      'TIDEMARK_BATCH_GAP',
      `Partition ${partition} was landed up to offset ${head.end}, but the log now starts at ${start}: retention removed records before they were landed. Raise the log's retention; what is missing must be imported.`,
    );
  }
  if (!head.last || start > head.last.offset) return head.end;
  if ((await fingerprintAt(log, partition, head.last.offset)) === head.last.fingerprint) return head.end;
  throw changed(`The record at offset ${head.last.offset} of partition ${partition} is not the one that was landed.`);
}

async function fingerprintAt(log: BatchContext['log'], partition: number, offset: bigint): Promise<string | null> {
  try {
    const [record] = (await log.read(partition, offset, { maxRecords: 1, waitMs: 0 })).records;
    return record?.offset === offset ? fingerprint(record) : null;
  } catch (error) {
    if (error instanceof LogError && error.code === 'TIDEMARK_LOG_SHRUNK') return null;
    throw error;
  }
}

const changed = (fact: string): BatchError =>
  new BatchError(
    'TIDEMARK_BATCH_LOG_CHANGED',
    `${fact} The log was deleted, restored or truncated. Restore it, or start an empty system and import the lake's events.`,
  );
