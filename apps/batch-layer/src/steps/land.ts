import { parse } from '@tidemark/contracts';
import type { EventWriter, LandedHead, LandedRange, RowWriter } from '@tidemark/lake';
import { barrierOf, fingerprint, hasBarrierHeader, LogError, type LogRecord } from '@tidemark/log';
import { reached } from '@tidemark/runtime';
import type { BatchContext } from '../batch-context.ts';
import { BoundedWork } from '../bounded-work.ts';
import { BatchError } from '../error.ts';
import { logChanged, otherLog } from './same-log.ts';

const READ_RECORDS = 5_000;
/** How long the log may keep a run waiting for the barrier that the run itself appended. */
const BARRIER_WAIT_MS = 10_000;
/** A range is filed when it has so many records, wherever the next barrier is. */
const RANGE_RECORDS = 500_000;
/** One that landed all partitions is among the newest, if there ever was one. */
const RUNS = 1_000;
/** While one partition waits for the log, or for its files to be written, records of another are judged. */
const PARTITIONS_UNDER_WAY = 2;

/** `missing`: offsets whose records the log had forgotten before they were landed, each a record at most. */
export type LandCounts = { records: number; events: number; rejected: number; missing: number };

/**
 * Copies partitions from where they were landed last into the lake, up to the cut: in each the first barrier numbered at or
 * above `generation`, which is found by reading the log. Answers the offsets of the cut. What another process landed
 * meanwhile is taken as it is. Throws `TIDEMARK_BATCH_GAP` where retention was first, unless the loss is accepted: then what
 * is missing is filed as a range of no records, and seen in the lake from then on.
 */
export async function landPartitions(
  context: BatchContext,
  partitions: readonly number[],
  generation: number,
  counts: LandCounts,
  { acceptDataLoss = false }: { readonly acceptDataLoss?: boolean } = {},
): Promise<ReadonlyMap<number, bigint>> {
  const cut = new Map<number, bigint>();
  const landings = new BoundedWork(PARTITIONS_UNDER_WAY);
  try {
    for (const partition of partitions) {
      await landings.add(async () => {
        cut.set(partition, await landPartition(context, partition, generation, counts, acceptDataLoss));
      });
    }
    await landings.drain();
  } finally {
    await landings.settle();
  }
  return cut;
}

async function landPartition(
  context: BatchContext,
  partition: number,
  generation: number,
  counts: LandCounts,
  acceptDataLoss: boolean,
): Promise<bigint> {
  for (;;) {
    const landed = (await context.lake.ranges()).filter((range) => range.partition === partition);
    const cut = landed.flatMap(({ barriers }) => barriers).find((barrier) => barrier.generation >= generation);
    if (cut) return cut.offset;
    const head = landed.at(-1)?.head ?? null;
    // Asked once: what retention removes from now on can't be read, and is no later beginning.
    const logStart = (await context.log.bounds()).get(partition)?.start ?? 0n;
    try {
      const missing = await missingRange(context, partition, head, logStart);
      if (missing === null) await landRange(context, partition, head, logStart, counts);
      else if (acceptDataLoss) await fileMissing(context, missing, counts);
      else throw gap(missing);
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
  logStart: bigint,
  counts: LandCounts,
): Promise<void> {
  const { log, lake, definition, catalog } = context;
  const start = await startOf(context, partition, head, logStart);
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
  readonly counts: Omit<LandCounts, 'missing'>;
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
  const counts = { records: 0, events: 0, rejected: 0 };
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

/**
 * What retention removed before it was landed, as a range without records; null when nothing is missing. A partition that was
 * never landed begins wherever its log does, until a run has landed all there were: one that came later begins at 0.
 */
async function missingRange(
  { log, catalog }: BatchContext,
  partition: number,
  head: LandedHead | null,
  logStart: bigint,
): Promise<LandedRange | null> {
  const start = head?.end ?? 0n;
  if (logStart <= start) return null;
  if (!head && !(await catalog.runs({ limit: RUNS })).some(({ cut }) => cut !== null)) return null;
  const logId = await log.identity();
  if (head && logId !== head.logId) throw otherLog(head.logId, logId);
  const { epoch, previousEpoch } = head ?? { epoch: 0, previousEpoch: null };
  return {
    partition,
    start,
    head: { end: logStart, epoch, previousEpoch, last: null, logId },
    barriers: [],
    file: null,
    counts: { missing: Number(logStart - start) },
  };
}

async function fileMissing(
  { lake, definition, progress }: BatchContext,
  range: LandedRange,
  counts: LandCounts,
): Promise<void> {
  await lake.commitRange(definition, range, { files: {} });
  const missing = Number(range.head.end - range.start);
  counts.missing += missing;
  progress({
    generation: 0,
    step: 'land',
    detail: `partition ${range.partition}, ${missing} missing`,
    done: counts.records,
  });
}

const gap = ({ partition, start, head }: LandedRange): BatchError =>
  new BatchError(
    'TIDEMARK_BATCH_GAP',
    `Partition ${partition} was landed up to offset ${start}, but the log now starts at ${head.end}: retention removed records before they were landed. Raise the log's retention, and import what is missing from where it came from; then run with --accept-data-loss, once.`,
  );

/** Where to land on from. The last landed record is read again: a log that was swapped or truncated is found first. */
async function startOf(
  { log }: BatchContext,
  partition: number,
  head: LandedHead | null,
  logStart: bigint,
): Promise<bigint> {
  if (!head) return logStart;
  const logId = await log.identity();
  if (logId !== head.logId) throw otherLog(head.logId, logId);
  if (!head.last || logStart > head.last.offset) return head.end;
  if ((await fingerprintAt(log, partition, head.last.offset)) === head.last.fingerprint) return head.end;
  throw logChanged(
    `The record at offset ${head.last.offset} of partition ${partition} is not the one that was landed.`,
  );
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
