import type { Run } from '@tidemark/catalog';
import { reached } from '@tidemark/runtime';
import { type LivePointer, newest, type Position, raiseFloor, ViewsError } from '@tidemark/views';
import type { BatchContext } from '../batch-context.ts';

/** Keys in one delete. */
const PAGE = 1_000;

export type CleanCounts = { floor: number; batch_rows: number; deltas: number; snapshots: number };

/** Generations of the definition that were published and are not below the floor, newest first. */
export async function readableGenerations(
  { catalog, definition }: BatchContext,
  floor: number,
): Promise<readonly Run[]> {
  const runs = await catalog.runs({ definition: definition.id, limit: 1_000 });
  return runs.filter((run) => run.publishedAtMs !== null && run.generation >= floor);
}

/** The live generation and those it was made from, newest first: what is excluded was gone back from, or never went live. */
export const ancestors = (readable: readonly Run[], { generation, excluded }: LivePointer): readonly Run[] =>
  readable.filter((run) => run.generation <= generation && !excluded.includes(run.generation));

/**
 * Moves the floor up to the oldest generation still to be kept. Only ancestors of the live one are counted: what was gone
 * back from must not push out what was gone back to. Nothing is deleted yet: a reader may hold a pointer from before for a
 * while.
 */
export async function moveFloor(context: BatchContext): Promise<number | null> {
  const { views, settings } = context;
  const pointer = await views.pointer();
  if (!pointer) return null;
  const kept = ancestors(await readableGenerations(context, pointer.floor), pointer);
  const oldest = kept[Math.min(settings.generations, kept.length) - 1]?.generation ?? pointer.floor;
  if (oldest <= pointer.floor) return pointer.floor;
  return (await views.compareAndSetPointer(pointer, raiseFloor(pointer, oldest))) ? oldest : pointer.floor;
}

/**
 * Deletes what lies below a floor that has stood long enough and that no readable generation needs: row versions, deltas
 * and their markers, candidates, snapshots, and records of the log. Raw events in the lake are never deleted.
 */
export async function cleanBelow(context: BatchContext, floor: number): Promise<CleanCounts> {
  const readable = await readableGenerations(context, floor);
  const lowest = readable.find(({ generation }) => generation === floor);
  const counts = { floor, batch_rows: 0, deltas: 0, snapshots: 0 };
  if (!lowest?.cut) return counts;
  counts.batch_rows = await cleanBatchRows(context, floor, readable);
  reached('clean: batch rows deleted');
  counts.deltas = await cleanDeltas(context, floor, lowest.cut);
  reached('clean: deltas deleted');
  counts.snapshots = await cleanGenerations(context, floor);
  reached('clean: snapshots removed');
  await cleanLog(context, floor);
  return counts;
}

/** A version below the floor goes when no readable generation's lineage takes it as the customer's newest. */
async function cleanBatchRows({ views }: BatchContext, floor: number, readable: readonly Run[]): Promise<number> {
  const lineages = readable.map(({ generation, excluded }) => ({ generation, excluded: excluded ?? [] }));
  let deleted = 0;
  for (let after: string | null = null; ; ) {
    const { rows, cursor } = await views.versions({ after, limit: PAGE });
    const keys = rows.flatMap(({ customerId, generations }) => {
      const needed = new Set(lineages.map((lineage) => newest(generations, lineage)));
      return generations
        .filter((generation) => generation < floor && !needed.has(generation))
        .map((generation) => ({ customerId, generation }));
    });
    if (keys.length > 0) await views.deleteBatch(keys);
    deleted += keys.length;
    if (cursor === null) return deleted;
    after = cursor;
  }
}

/**
 * Deltas of epochs older than the one before the floor, in each partition's own sequence of epochs (numbers skip where
 * runs died): that one still holds the repeat window's ids. Epoch 0 stays where the floor's cut lacks the partition; the
 * cuts above it lack none that it has, for a run's partitions contain those of every earlier one.
 */
async function cleanDeltas(context: BatchContext, floor: number, cut: ReadonlyMap<number, bigint>): Promise<number> {
  let deleted = 0;
  for (const [partition, before] of await epochsBefore(context, floor)) {
    const offset = cut.get(partition);
    if (offset === undefined) continue;
    for (;;) {
      const keys = await context.views.touchedBelow(partition, before.epoch, PAGE);
      if (keys.length === 0) break;
      await context.views.deleteDeltas(keys, offset);
      deleted += keys.length;
    }
  }
  return deleted;
}

type EpochBefore = {
  readonly epoch: number /** Where its barrier stands; null for epoch 0. */;
  readonly barrier: bigint | null;
};

/** For each partition the epoch before `floor` in its own sequence, as it was landed. */
async function epochsBefore({ lake }: BatchContext, floor: number): Promise<ReadonlyMap<number, EpochBefore>> {
  const found = new Map<number, EpochBefore>();
  for (const { partition, barriers } of await lake.ranges()) {
    const known = found.get(partition) ?? { epoch: 0, barrier: null };
    const last = barriers.filter(({ generation }) => generation < floor).at(-1);
    found.set(partition, last ? { epoch: last.generation, barrier: last.offset } : known);
  }
  return found;
}

async function cleanGenerations({ views, lake, catalog, definition }: BatchContext, floor: number): Promise<number> {
  await lake.removeSnapshots(definition.id, floor);
  let removed = 0;
  for (const run of await catalog.runs({ definition: definition.id, limit: 1_000 })) {
    if (run.generation >= floor || run.snapshot === null) continue;
    await views.deleteCandidates(run.generation);
    await catalog.updateRun(run.generation, { snapshot: null });
    removed++;
  }
  return removed;
}

/**
 * The log is kept back to the oldest of what was landed, and, for every definition that has tables, what it folded and the
 * barrier before its floor's cut. One that has neither yet will be filled from the live cut of the one served.
 */
async function cleanLog(context: BatchContext, floor: number): Promise<void> {
  const { log, lake, store, definition, views } = context;
  const heads = await lake.heads();
  const own = { positions: await views.positions(), before: await epochsBefore(context, floor) };
  const others: Reach[] = [];
  for (const id of await store.definitions()) if (id !== definition.id) others.push(await reachOf(context, id));
  for (const [partition, { barrier }] of own.before) {
    const landed = heads.get(partition)?.last?.offset;
    const folded = own.positions.get(partition)?.offset;
    if (barrier === null || landed === undefined || folded === undefined) continue;
    const needed = [landed, folded, barrier, ...others.flatMap((reach) => neededBy(reach, partition))].reduce(smaller);
    if (needed > 0n) await log.truncate(partition, needed);
  }
}

/** How far another definition's views are. */
type Reach = {
  readonly positions: ReadonlyMap<number, Position>;
  /** The epochs before its floor; null while it has no generation. */
  readonly before: ReadonlyMap<number, EpochBefore> | null;
};

async function reachOf(context: BatchContext, definitionId: string): Promise<Reach> {
  try {
    const views = await context.store.find(definitionId);
    const pointer = (await views?.pointer()) ?? null;
    const before = pointer && (await epochsBefore(context, pointer.floor));
    return { positions: (await views?.positions()) ?? new Map(), before };
  } catch (error) {
    if (error instanceof ViewsError && error.code === 'TIDEMARK_VIEWS_GONE')
      return { positions: new Map(), before: null };
    throw error;
  }
}

/** The offsets that a definition may still read a partition from; 0: from its start. */
function neededBy({ positions, before }: Reach, partition: number): readonly bigint[] {
  const folded = positions.get(partition)?.offset;
  return [...(folded === undefined ? [] : [folded]), ...(before ? [before.get(partition)?.barrier ?? 0n] : [])];
}

/** True when the pointer's floor has stood for the grace time: set by a run whose clean step ended long enough ago. */
export async function floorHasStood(
  { catalog, definition, clock, settings }: BatchContext,
  pointer: LivePointer,
): Promise<boolean> {
  const runs = await catalog.runs({ definition: definition.id, limit: 100 });
  return runs.some(({ steps }) =>
    steps.some(
      ({ name, endedAtMs, counts }) =>
        name === 'clean' &&
        counts.floor === pointer.floor &&
        endedAtMs !== null &&
        clock.now() - endedAtMs >= settings.floorGraceMs,
    ),
  );
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
