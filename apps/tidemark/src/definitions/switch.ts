import { setTimeout as pause } from 'node:timers/promises';
import { reached } from '@tidemark/runtime';
import { type Serving, switchBack, switchTo, type ViewStore } from '@tidemark/views';
import { CliError } from '../error.ts';
import { missingOf, positionsOf } from './definitions.ts';

/** What a switch asks of the store. */
export type SwitchStore = Pick<ViewStore, 'serving' | 'find' | 'compareAndSetServing'>;

export type SwitchTimes = {
  readonly nowMs: () => number;
  /** How long the definition switched from can be gone back to. */
  readonly keepMs: number;
  /** How long a speed view that is behind may take to come level. */
  readonly waitMs: number;
};

const EVERY_MS = 100;

/**
 * Serves another definition from now on, once it is ready. Answers the row as it is then; the same row when the definition is
 * served already. Throws `TIDEMARK_DEFINITION_NOT_READY`, `TIDEMARK_DEFINITION_MOVED`, `TIDEMARK_SERVING_KEPT`,
 * `TIDEMARK_SERVING_NO_WAY_BACK`.
 */
export async function switchDefinition(store: SwitchStore, target: string, times: SwitchTimes): Promise<Serving> {
  const serving = await served(store);
  if (serving.serving === target) return serving;
  // Refused at once, not after a wait.
  switchTo(serving, target, times.nowMs() + times.keepMs);
  await ready(store, serving, target, times);
  return set(store, serving, switchTo(serving, target, times.nowMs() + times.keepMs));
}

/** Serves the previous definition again. Throws as `switchDefinition` does. */
export async function goBack(store: SwitchStore, times: SwitchTimes): Promise<Serving> {
  const serving = await served(store);
  await ready(store, serving, switchBack(serving, times.nowMs()).serving, times);
  return set(store, serving, switchBack(serving, times.nowMs()));
}

async function served(store: SwitchStore): Promise<Serving> {
  const serving = await store.serving();
  if (serving !== null) return serving;
  throw new CliError(
    'TIDEMARK_DEFINITION_NOT_READY',
    'Nothing is published yet: the first definition that publishes a generation is served.',
  );
}

async function set(store: SwitchStore, expected: Serving, next: Serving): Promise<Serving> {
  reached('switch: ready');
  if (await store.compareAndSetServing(expected, next)) {
    reached('switch: served');
    return next;
  }
  throw new CliError(
    'TIDEMARK_DEFINITION_MOVED',
    'Which definition is served was changed at the same time. Look at `tidemark definition list` and try again.',
    { retryable: true },
  );
}

/** Resolves when the definition is as far as the one served was when it was asked: events go on coming meanwhile. */
async function ready(store: SwitchStore, { serving }: Serving, target: string, times: SwitchTimes): Promise<void> {
  const views = await store.find(target);
  const deadlineMs = times.nowMs() + times.waitMs;
  const goal = await positionsOf(store, serving);
  for (;;) {
    const missing = views === null ? ['it has no tables'] : await missingOf(views, goal);
    if (missing.length === 0) return;
    if (times.nowMs() >= deadlineMs) {
      throw new CliError(
        'TIDEMARK_DEFINITION_NOT_READY',
        `Definition ${target} can't be served yet: ${missing.join('; ')}. Start its speed layers and run its batch layer once.`,
        { retryable: true },
      );
    }
    await pause(EVERY_MS);
  }
}
