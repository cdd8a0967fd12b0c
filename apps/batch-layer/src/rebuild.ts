import type { Catalog } from '@tidemark/catalog';
import type { Lake } from '@tidemark/lake';
import { speedLayerGroup } from '@tidemark/log';
import type { BatchContext } from './batch-context.ts';
import { type RunOptions, type RunOutcome, runToEnd, withRunLock } from './batch-run.ts';
import { BatchError } from './error.ts';
import { beginRun } from './steps/barrier.ts';

/** A run that was killed is among the newest. */
const RUNS = 100;

/**
 * Makes the definition's views anew from lake and log, which are all that can't be derived: in fresh tables, since rows
 * of before would shadow those folded again, and with a catalog that knows the lake's imports. Until its run has
 * published nothing is answered. The speed layer folds the log again when it is started afterwards. Throws
 * `TIDEMARK_REBUILD_WHILE_FOLDING` while one runs: what it holds in memory speaks of rows that are gone.
 */
export function rebuild(given: BatchContext, options: Pick<RunOptions, 'acceptDataLoss'> = {}): Promise<RunOutcome> {
  return withRunLock(given, async (context) => {
    const { catalog, definition, lake, log, store } = context;
    const folding = await log.members(speedLayerGroup(definition.id));
    if (folding > 0) {
      throw new BatchError(
        'TIDEMARK_REBUILD_WHILE_FOLDING',
        `${folding} speed layer ${folding === 1 ? 'process folds' : 'processes fold'} into these views. Stop the speed layer, then rebuild; one that was killed is forgotten within seconds.`,
        { retryable: true },
      );
    }
    for (const { generation, status } of await catalog.runs({ definition: definition.id, limit: RUNS })) {
      if (status === 'running') await catalog.updateRun(generation, { status: 'abandoned' });
    }
    await recordImports(catalog, lake);
    await store.drop(definition.id);
    const fresh = { ...context, views: await store.open(definition) };
    return runToEnd(fresh, await beginRun(fresh), { ...options, full: true });
  });
}

/** Shows the catalog every import that the lake has. */
async function recordImports(catalog: Catalog, lake: Lake): Promise<void> {
  const known = new Set((await catalog.imports()).map(({ number }) => number));
  for (const { number, name, inputSha256, source, counts, importedAtMs } of await lake.imports()) {
    if (known.has(number)) continue;
    await catalog.recordImport({ number, file: name, sha256: inputSha256, source, counts, atMs: importedAtMs });
  }
}
