import type { Run, StepName } from '@tidemark/catalog';
import { reached } from '@tidemark/runtime';
import type { BatchContext } from './batch-context.ts';
import { BatchError } from './error.ts';
import { removeRowsOfRetired, retirePrevious } from './retire.ts';
import { appendBarriers, beginRun } from './steps/barrier.ts';
import { cleanBelow, floorHasStood, moveFloor } from './steps/clean.ts';
import { DRIFT_PATIENCE_MS, type DriftSummary, recordDrift, unmeasured } from './steps/drift.ts';
import { type LandCounts, landPartitions } from './steps/land.ts';
import { publish } from './steps/publish.ts';
import { openSnapshot, recompute } from './steps/recompute.ts';
import { objections } from './steps/validate.ts';

export type RunOutcome = {
  readonly generation: number;
  readonly status: 'published' | 'kept' | 'rejected';
  /** It went on with the run of a process that had died. */
  readonly resumed: boolean;
  /** Why it was kept or rejected; null when published. */
  readonly reason: string | null;
  readonly customers: number;
  readonly rowsWritten: number;
  /** Records that the log had forgotten before they were landed, at most; more than 0 only where that was accepted. */
  readonly missing: number;
  /** What views before said otherwise: the one before this generation, and one that an earlier run left unmeasured. */
  readonly drifts: readonly DriftSummary[];
  readonly durationMs: number;
};

export type RunOptions = {
  /** Write every customer, not only those that changed. */
  readonly full?: boolean;
  /** Go on where retention removed records before they were landed; else that is `TIDEMARK_BATCH_GAP`. */
  readonly acceptDataLoss?: boolean;
};

type StepCounts = Readonly<Record<string, string | number>>;
/** Runs a step and records it: when it began, when it ended, what it counted. */
type Step = <T>(name: StepName, work: () => Promise<{ readonly value: T; readonly counts: StepCounts }>) => Promise<T>;
type LandedRun = Run & { readonly cut: ReadonlyMap<number, bigint> };

/**
 * One batch run: barrier → land → recompute → validate → publish → drift → clean. Every step may be repeated, so a run
 * that was killed goes on where it stopped; only the newest is resumed, since its barriers stand after all others'. The
 * drift that an earlier run left unmeasured is measured first. Throws `TIDEMARK_BATCH_BUSY` when another run is going on.
 */
export function runBatch(given: BatchContext, options: RunOptions = {}): Promise<RunOutcome> {
  return withRunLock(given, async (context) => {
    const newest = await newestRun(context);
    const resumed = newest?.status === 'running' && newest.definition === context.definition.id ? newest : null;
    const before = resumed ? null : await unmeasured(context);
    const earlier = before === null ? [] : [await recordDrift(context, before, 0)];
    const outcome = await runToEnd(context, resumed ?? (await beginRun(context)), options);
    return { ...outcome, resumed: resumed !== null, drifts: [...earlier, ...outcome.drifts] };
  });
}

/**
 * Does something as the only run, with a context that ends it once the right to run is lost: whatever a run does next, it
 * tells of it first. Throws `TIDEMARK_BATCH_BUSY` when there is another, `TIDEMARK_BATCH_LOCK_LOST` when there may be one by now.
 */
export async function withRunLock<T>(context: BatchContext, work: (context: BatchContext) => Promise<T>): Promise<T> {
  const lock = await context.catalog.acquireRunLock();
  if (!lock)
    throw new BatchError('TIDEMARK_BATCH_BUSY', 'Another batch run is going on; this one did not start.', {
      retryable: true,
    });
  const failIfLost = () => {
    if (!lock.lost.aborted) return;
    throw new BatchError(
      'TIDEMARK_BATCH_LOCK_LOST',
      'The connection that held the right to run broke, and another run may have begun. This one ends here; run again.',
      { retryable: true },
    );
  };
  const progress: BatchContext['progress'] = (done) => {
    failIfLost();
    context.progress(done);
  };
  try {
    const result = await work({ ...context, progress });
    failIfLost();
    return result;
  } finally {
    await lock.release();
  }
}

/** Takes a run through its steps; an error that can't go away by itself makes it a failed one. */
export async function runToEnd(context: BatchContext, run: Run, options: RunOptions): Promise<RunOutcome> {
  try {
    return await goThrough(context, run, options);
  } catch (error) {
    if (!isRetryable(error))
      await context.catalog.updateRun(run.generation, { status: 'failed', reason: messageOf(error) });
    throw error;
  }
}

/**
 * The newest run of all. Which dead runs left rows only the catalog knows: without it a generation could take theirs for its
 * own, so a live pointer and no run is refused. The pointer is read first: whoever moved it had a run in the catalog by then.
 */
async function newestRun({ views, catalog }: BatchContext): Promise<Run | null> {
  const pointer = await views.pointer();
  const [newest] = await catalog.runs({ limit: 1 });
  if (newest || !pointer) return newest ?? null;
  throw new BatchError(
    'TIDEMARK_BATCH_CATALOG_LOST',
    `Generation ${pointer.generation} is live, but the catalog knows no run: it is a new one, or another system's. Give the system its own catalog back, or stop its layers and run \`tidemark rebuild\`.`,
  );
}

async function goThrough(context: BatchContext, run: Run, options: RunOptions): Promise<RunOutcome> {
  const { catalog, clock } = context;
  const { generation } = run;
  const began = clock.now();
  const step: Step = async (name, work) => {
    context.progress({ generation, step: name, detail: 'begins' });
    await catalog.startStep(generation, name, clock.now());
    const { value, counts } = await work();
    await catalog.endStep(generation, name, clock.now(), counts);
    return value;
  };
  const counts: LandCounts = { records: 0, events: 0, rejected: 0, missing: 0 };
  const outcome = (
    status: RunOutcome['status'],
    reason: string | null,
    customers: number,
    rowsWritten: number,
    drifts: readonly DriftSummary[] = [],
  ): RunOutcome => ({
    generation,
    status,
    resumed: false,
    reason,
    customers,
    rowsWritten,
    missing: counts.missing,
    drifts,
    durationMs: clock.now() - began,
  });

  await step('barrier', async () => {
    await appendBarriers(context, run);
    return { value: null, counts: { partitions: run.partitions.length, imports: run.imports } };
  });

  const cut = await step('land', async () => {
    const value = await landPartitions(context, run.partitions, generation, counts, options);
    await catalog.updateRun(generation, { cut: value });
    return { value, counts };
  });

  const { snapshot, customers, refused } = await compute(context, { ...run, cut }, step);
  const landed: LandedRun = { ...run, cut, snapshot };
  if (refused.length > 0) {
    const reason = refused.join('; ');
    await catalog.updateRun(generation, { status: 'rejected', reason });
    return outcome('rejected', reason, customers, 0);
  }

  const published = await publishRun(context, landed, options.full ?? false);
  if (published.status === 'kept') return outcome('kept', published.reason, customers, published.rows);
  const drift = await step('drift', async () => {
    const value = await recordDrift(context, generation, DRIFT_PATIENCE_MS);
    return { value, counts: { compared: value.compared, differing: value.differing } };
  });
  await step('clean', () => clean(context, landed));
  return outcome('published', published.reason, customers, published.rows, [drift]);
}

type Computed = {
  readonly snapshot: Run['snapshot'];
  readonly customers: number;
  /** Why it must not be published. */
  readonly refused: readonly string[];
};

/**
 * Recomputes and validates, unless the run had begun publishing when its process died. The rows that it wrote then are of the
 * snapshot that was validated, and so have to be those it still writes: made anew, by other code perhaps, one number would have
 * rows of two snapshots, and the next diff be made against neither.
 */
async function compute(context: BatchContext, run: LandedRun, step: Step): Promise<Computed> {
  if (run.beganPublishingAtMs !== null) {
    const counts = run.steps.find(({ name }) => name === 'recompute')?.counts;
    return { snapshot: run.snapshot, customers: Number(counts?.customers ?? 0), refused: [] };
  }
  const { catalog, engine, definition } = context;
  const { snapshot, counts } = await step('recompute', async () => {
    const { snapshot, counts } = await recompute(context, run, run.cut);
    await catalog.updateRun(run.generation, { snapshot });
    return { value: { snapshot, counts }, counts };
  });
  const { customers: customerCount = 0, ...rowCounts } = counts;
  const customers = Number(customerCount);
  const refused = await step('validate', async () => {
    const pointer = await context.views.pointer();
    const base = pointer ? await openSnapshot(context, await catalog.run(pointer.generation)) : null;
    const opened = await openSnapshot(context, { ...run, snapshot });
    if (!opened)
      throw new BatchError('TIDEMARK_BATCH_REJECTED', 'The snapshot just written cannot be read.', { retryable: true });
    const rows = Object.values(rowCounts).reduce<number>((total, count) => total + Number(count), 0);
    const value = objections(await engine.inspect(definition.currency, opened, base), rows);
    return { value, counts: { customers, objections: value.length } };
  });
  return { snapshot, customers, refused };
}

/** Publishes a run that was validated, and records what became of it. */
export async function publishRun(
  context: BatchContext,
  run: LandedRun,
  full: boolean,
): Promise<{ readonly status: 'published' | 'kept'; readonly reason: string | null; readonly rows: number }> {
  const { catalog, clock, store, definition } = context;
  await catalog.startStep(run.generation, 'publish', clock.now());
  const result = await publish(context, run, full);
  if (result.kind === 'kept') {
    await catalog.updateRun(run.generation, { status: 'kept', reason: result.reason });
    return { status: 'kept', reason: result.reason, rows: 0 };
  }
  const { base, rows, pointer } = result;
  await catalog.markPublished(run.generation, { base, excluded: pointer.excluded, atMs: pointer.publishedAtMs });
  reached('publish: recorded');
  const serving = await store.serving();
  if (!serving) await store.compareAndSetServing(null, { serving: definition.id, previous: null, untilMs: null });
  await catalog.endStep(run.generation, 'publish', clock.now(), { rows, base: base ?? 'none' });
  return { status: 'published', reason: null, rows };
}

async function clean(
  context: BatchContext,
  run: LandedRun,
): Promise<{ readonly value: null; readonly counts: StepCounts }> {
  const pointer = await context.views.pointer();
  const cleaned = pointer && (await floorHasStood(context, pointer)) ? await cleanBelow(context, pointer.floor) : null;
  const floor = (await moveFloor(context)) ?? 0;
  reached('clean: floor moved');
  const { lake, definition, settings } = context;
  context.progress({ generation: run.generation, step: 'clean', detail: 'merge rows' });
  const merged = await lake.mergeRows(definition, { partitions: run.cut, imports: run.imports }, settings.mergeAtFiles);
  const retired = await retirePrevious(context);
  const others = await removeRowsOfRetired(context);
  return {
    value: null,
    counts: { ...cleaned, floor, merged_files: merged, retired_files: others, ...(retired && { retired }) },
  };
}

const isRetryable = (error: unknown): boolean =>
  error instanceof Error && 'retryable' in error && error.retryable === true;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
