import type { Drift } from '@tidemark/catalog';
import { reached } from '@tidemark/runtime';
import type { BatchContext } from '../batch-context.ts';
import { measureDrift } from '../drift/measure.ts';

/** What a run says of its drift: enough to raise the alarm. */
export type DriftSummary = Pick<Drift, 'generation' | 'status' | 'reason' | 'compared' | 'differing' | 'causes'>;

/** How long a run waits for the speed layer. */
export const DRIFT_PATIENCE_MS = 60_000;

/** Measures what a published generation corrected and records it; measured again, the record is replaced. */
export async function recordDrift(
  context: BatchContext,
  generation: number,
  patienceMs: number,
): Promise<DriftSummary> {
  const drift = await measureDrift(context, generation, patienceMs);
  reached('drift: measured');
  await context.catalog.putDrift(drift);
  const { status, reason, compared, differing, causes } = drift;
  return { generation, status, reason, compared, differing, causes };
}

/**
 * The newest generation of the definition, when its drift was not measured: its run was killed, the speed layer lagged,
 * or it was published by hand. What measuring needs is cleaned away by the next run's end at the earliest.
 */
export async function unmeasured({ catalog, definition }: BatchContext): Promise<number | null> {
  const [newest] = await catalog.runs({ definition: definition.id, limit: 1 });
  if (newest?.status !== 'published') return null;
  const drift = await catalog.drift(newest.generation);
  return drift?.status === 'measured' ? null : newest.generation;
}
