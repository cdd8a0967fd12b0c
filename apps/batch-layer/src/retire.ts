import { speedLayerGroup } from '@tidemark/log';
import { closeWayBack, forget, hasWayBack, type Serving } from '@tidemark/views';
import type { BatchContext } from './batch-context.ts';
import { BatchError } from './error.ts';

/** Snapshots are kept of far fewer. */
const RUNS = 1_000;

/**
 * Removes the definition that was served before, when its time is over and no speed layer keeps it up; answers its id, or null
 * when nothing is to be removed. Only a run of the definition served does it. Every other definition is being filled, and stays.
 */
export async function retirePrevious(context: BatchContext): Promise<string | null> {
  const { store, clock, definition } = context;
  const serving = await store.serving();
  if (serving === null || serving.serving !== definition.id || hasWayBack(serving, clock.now())) return null;
  const { previous } = serving;
  if (previous === null || (await folding(context, previous)) > 0) return null;
  return (await removePrevious(context, serving, previous)) ? previous : null;
}

/**
 * Removes the change rows of sources that no definition has any more, which is certain when one has views alone. Answers how
 * many files it removed. To be called by the holder of the run lock: nobody else reads rows.
 */
export async function removeRowsOfRetired({ store, lake, definition }: BatchContext): Promise<number> {
  const others = (await store.definitions()).filter((id) => id !== definition.id);
  return others.length === 0 ? lake.removeOtherRows(definition) : 0;
}

/**
 * Removes a definition by hand: the one before, although its time is not over, or one that was being filled. To be called by
 * the holder of the run lock, so that no run publishes into it. Throws `TIDEMARK_DEFINITION_IN_USE`,
 * `TIDEMARK_DEFINITION_UNKNOWN`.
 */
export async function dropDefinition(context: BatchContext, definitionId: string): Promise<void> {
  const { store } = context;
  if (!(await store.definitions()).includes(definitionId)) {
    throw new BatchError('TIDEMARK_DEFINITION_UNKNOWN', `There are no tables of definition ${definitionId}.`);
  }
  const serving = await store.serving();
  if (serving?.serving === definitionId) {
    throw new BatchError('TIDEMARK_DEFINITION_IN_USE', `Definition ${definitionId} is the one served.`);
  }
  const count = await folding(context, definitionId);
  if (count > 0) {
    const message = `${count} speed layers fold into definition ${definitionId}. Stop its processes first; one that was killed is forgotten within seconds.`;
    throw new BatchError('TIDEMARK_DEFINITION_IN_USE', message, { retryable: true });
  }
  if (serving?.previous !== definitionId) return remove(context, definitionId);
  if (await removePrevious(context, serving, definitionId)) return;
  throw new BatchError('TIDEMARK_BATCH_BUSY', 'Another definition was switched to at the same time.', {
    retryable: true,
  });
}

const folding = ({ log }: BatchContext, definitionId: string): Promise<number> =>
  log.members(speedLayerGroup(definitionId));

/** The way back is closed before the first table goes: who goes back at the same time either comes first or is refused. */
async function removePrevious(context: BatchContext, serving: Serving, previous: string): Promise<boolean> {
  const { store } = context;
  const closed = closeWayBack(serving);
  if (!(await store.compareAndSetServing(serving, closed))) return false;
  await remove(context, previous);
  await store.compareAndSetServing(closed, forget(closed));
  return true;
}

async function remove({ store, lake, catalog }: BatchContext, definitionId: string): Promise<void> {
  await lake.removeSnapshots(definitionId, Number.POSITIVE_INFINITY);
  for (const { generation, snapshot } of await catalog.runs({ definition: definitionId, limit: RUNS })) {
    if (snapshot !== null) await catalog.updateRun(generation, { snapshot: null });
  }
  await store.drop(definitionId);
}
