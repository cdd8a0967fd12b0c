import { setTimeout as pause } from 'node:timers/promises';
import { speedLayerGroup } from '@tidemark/log';
import type { BatchContext } from '../batch-context.ts';

const LOOK_EVERY_MS = 250;

type Waiting = Pick<BatchContext, 'clock' | 'definition'> & {
  readonly views: Pick<BatchContext['views'], 'positions'>;
  readonly log: Pick<BatchContext['log'], 'members'>;
};

/**
 * Waits until the speed layer's positions have passed the cut, so that every delta below it is what it will ever be.
 * Answers null then; else, after `patienceMs` by the context's clock, or at once when no process folds, why not.
 */
export async function waitPastCut(
  { views, log, clock, definition }: Waiting,
  cut: ReadonlyMap<number, bigint>,
  patienceMs: number,
): Promise<string | null> {
  const deadlineMs = clock.now() + patienceMs;
  for (;;) {
    const positions = await views.positions();
    const behind = [...cut.keys()].filter(
      (partition) => (positions.get(partition)?.offset ?? -1n) < (cut.get(partition) ?? 0n),
    );
    if (behind.length === 0) return null;
    if ((await log.members(speedLayerGroup(definition.id))) === 0) return 'no speed layer folds the log';
    if (clock.now() >= deadlineMs) {
      return `after ${patienceMs / 1000} s the speed layer has not passed the cut in partition ${behind.join(', ')}`;
    }
    await pause(LOOK_EVERY_MS);
  }
}
