import type { Run } from '@tidemark/catalog';
import { fromRecordBatch } from '@tidemark/engine';
import { AS_OF_BEFORE_BARRIER_MS, RANK_LIST_LENGTH } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import { type BatchRow, type LivePointer, publishNext } from '@tidemark/views';
import type { BatchContext } from '../batch-context.ts';
import { BoundedWork } from '../bounded-work.ts';
import { BatchError } from '../error.ts';
import { ancestors, readableGenerations } from './clean.ts';
import { openSnapshot } from './recompute.ts';
import { sameLog } from './same-log.ts';

/** Above every generation there can be: a slice from it holds no deltas. */
const LAST_GENERATION = 2 ** 31 - 1;

/** Rows in one write, and writes under way at once. */
const WRITE_ROWS = 500;
const WRITES_UNDER_WAY = 4;

export type PublishOutcome =
  | { readonly kind: 'published'; readonly pointer: LivePointer; readonly base: number | null; readonly rows: number }
  | { readonly kind: 'kept'; readonly reason: string };

/**
 * Writes what differs from the live generation and moves the pointer by compare-and-set. Repeated after a kill, it
 * writes the same rows again. `full` writes every customer, which also heals a row that was damaged.
 */
export async function publish(
  context: BatchContext,
  run: Run & { readonly cut: ReadonlyMap<number, bigint> },
  full: boolean,
): Promise<PublishOutcome> {
  const { views, catalog, definition, clock } = context;
  const { generation } = run;
  const pointer = await views.pointer();
  if (pointer?.generation === generation) {
    // Whoever moved it may not have lived to record what it was made from: its newest ancestor, below the floor by now or not.
    const older = ancestors(await readableGenerations(context, 0), pointer);
    const base = older.find((run) => run.generation < generation)?.generation ?? null;
    return { kind: 'published', pointer, base, rows: 0 };
  }
  if (pointer?.publishing === 'paused') return { kind: 'kept', reason: 'publishing is paused' };
  // By another process, where this one had lost its right to run. What the catalog says it was made from no longer changes.
  if (((await catalog.run(generation))?.publishedAtMs ?? null) !== null)
    return { kind: 'kept', reason: 'it was published before, and gone back from' };

  const snapshot = await openSnapshot(context, run);
  if (!run.snapshot || !snapshot) return { kind: 'kept', reason: 'its snapshot is gone or damaged: run again' };
  const base = pointer?.generation ?? null;
  const baseSnapshot = full || base === null ? null : await openSnapshot(context, await catalog.run(base));

  if (!(await catalog.markBegan(generation, run.snapshot.sha256, clock.now())))
    throw new BatchError(
      'TIDEMARK_BATCH_LOCK_LOST',
      `Another run went on with generation ${generation} meanwhile. This one ends here; run again.`,
      { retryable: true },
    );
  reached('publish: begun');
  const next = publishNext(pointer, {
    generation,
    base,
    logId: await sameLog(context),
    cut: { partitions: run.cut, imports: run.imports },
    began: await catalog.began(definition.id),
    barrierAtMs: run.barrierAtMs,
    publishedAtMs: clock.now(),
  });
  // Without a base to compare with, who is gone has to be found: by all that are still there.
  const customers = pointer && baseSnapshot === null ? new Set<string>() : null;
  // The engine ranks in its process while this one writes.
  const ranking = new BoundedWork(1);
  let rows = 0;
  try {
    await ranking.add(() => writeCandidates(context, run, snapshot));
    rows = await writeRows(context, generation, snapshot, baseSnapshot, customers);
    if (pointer && customers) await writeEmptyRows(context, generation, pointer, customers);
    reached('publish: rows written');
    await ranking.drain();
  } finally {
    await ranking.settle();
  }
  reached('publish: candidates written');

  // Where there is no pointer yet, comparing it fences off nobody. A run that came later may be the served definition's, and
  // deltas filled from its cut: with an older generation they would be a part that looks like the whole.
  if (pointer === null && (await catalog.runs({ limit: 1 }))[0]?.generation !== generation)
    return { kind: 'kept', reason: 'a later run has begun: run again' };
  if (!(await views.compareAndSetPointer(pointer, next))) {
    return { kind: 'kept', reason: 'the live pointer moved while it was being published: run again' };
  }
  reached('publish: pointer moved');
  return { kind: 'published', pointer: next, base, rows };
}

/** Answers how many it wrote; `customers` gets their ids. */
async function writeRows(
  { engine, views, definition, progress }: BatchContext,
  generation: number,
  snapshot: string,
  base: string | null,
  customers: Set<string> | null,
): Promise<number> {
  const writes = new BoundedWork(WRITES_UNDER_WAY);
  let rows = 0;
  let page: BatchRow[] = [];
  const write = () => {
    const full = page;
    page = [];
    return writes.add(async () => {
      await views.writeBatch(full);
      reached('publish: page written');
    });
  };
  try {
    for await (const batch of engine.changes(definition.currency, snapshot, base)) {
      for (const { customerId, gone, state } of fromRecordBatch(definition.columns, batch)) {
        page.push({ customerId, generation, state: gone ? null : state });
        customers?.add(customerId);
        rows++;
        if (page.length >= WRITE_ROWS) await write();
      }
      progress({ generation, step: 'publish', detail: 'rows written', done: rows });
    }
    if (page.length > 0) await write();
    await writes.drain();
  } finally {
    await writes.settle();
  }
  return rows;
}

/** Says of every customer the live generation has and this one has not that it is gone. */
async function writeEmptyRows(
  { views }: BatchContext,
  generation: number,
  pointer: LivePointer,
  customers: ReadonlySet<string>,
): Promise<void> {
  const noDeltas = { generation: LAST_GENERATION, cutPartitions: new Set(pointer.cut.partitions.keys()) };
  for (let after: string | null = null; ; ) {
    const { rows, cursor } = await views.scan(pointer, noDeltas, { after, limit: WRITE_ROWS });
    const gone = rows.filter(({ customerId, batch }) => batch?.state && !customers.has(customerId));
    if (gone.length > 0)
      await views.writeBatch(gone.map(({ customerId }) => ({ customerId, generation, state: null })));
    if (cursor === null) return;
    after = cursor;
  }
}

async function writeCandidates(
  { engine, views, definition, progress }: BatchContext,
  run: Run,
  snapshot: string,
): Promise<void> {
  const { generation } = run;
  const asOfMs = run.barrierAtMs - AS_OF_BEFORE_BARRIER_MS;
  progress({ generation, step: 'publish', detail: 'candidates' });
  const lists = await engine.rankings(definition.currency, snapshot, asOfMs, RANK_LIST_LENGTH);
  const writes = new BoundedWork(WRITES_UNDER_WAY);
  try {
    for (const [name, candidates] of lists) await writes.add(() => views.writeCandidates(generation, name, candidates));
    await writes.drain();
  } finally {
    await writes.settle();
  }
}
