import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Run } from '@tidemark/catalog';
import { reached } from '@tidemark/runtime';
import type { BatchContext } from '../batch-context.ts';

export type RecomputeCounts = Readonly<Record<string, string | number>>;

/** Recomputes every customer over what the cut covers, and files the states' snapshot in the lake. */
export async function recompute(
  context: BatchContext,
  run: Run,
  cut: ReadonlyMap<number, bigint>,
): Promise<{ readonly snapshot: NonNullable<Run['snapshot']>; readonly counts: RecomputeCounts }> {
  const { definition, lake, engine, progress } = context;
  const { generation, imports, barrierAtMs } = run;
  progress({ generation, step: 'recompute', detail: 'verify the lake' });
  const files = await lake.rowFiles(definition, { partitions: cut, imports }, ({ code, message }) =>
    progress({ generation, step: 'recompute', detail: `expanded again: ${code}: ${message}` }),
  );
  const scratch = join(lake.scratchFolder, `${randomUUID()}.parquet`);
  try {
    const result = await engine.recompute(
      {
        currency: definition.currency,
        definitionId: definition.id,
        barrierAtMs,
        rows: Object.fromEntries([...files].map(([source, list]) => [source, list])),
        snapshot: scratch,
      },
      (detail) => progress({ generation, step: 'recompute', detail }),
    );
    const { path, sha256 } = await lake.putSnapshot(definition.id, generation, scratch, result.customers);
    reached('recompute: snapshot put');
    const rows = Object.fromEntries(
      [...files].map(([source, list]) => [source, list.reduce((total, file) => total + file.rows, 0)]),
    );
    return { snapshot: { path, sha256 }, counts: { customers: result.customers, ...rows } };
  } finally {
    await lake.discard(scratch);
  }
}

/** Opens a generation's snapshot for the engine; null when it was removed or is damaged. */
export async function openSnapshot({ lake }: BatchContext, run: Run | null): Promise<string | null> {
  if (!run?.snapshot) return null;
  try {
    return await lake.openSnapshot(run.snapshot);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('TIDEMARK_LAKE_')) return null;
    throw error;
  }
}
