import { ViewsError } from './error.ts';
import type { Serving } from './port.ts';

/*
 * The moves of the row that says which definition is served, as pure functions from the row that was read to the row to be
 * written by compare-and-set. At most two definitions were ever served and are still kept: every other one that has tables is
 * being filled.
 */

/** In nobody's future. */
const CLOSED = 0;

/** True while the definition that was served before can be gone back to. */
export function hasWayBack({ previous, untilMs }: Serving, nowMs: number): boolean {
  return previous !== null && untilMs !== null && nowMs < untilMs;
}

/**
 * Serves `target` from now on; what is served now can be gone back to until `untilMs`. Throws TIDEMARK_SERVING_KEPT while a
 * third definition is kept: nothing would say any more that its time will be over. Throws TIDEMARK_SERVING_NO_WAY_BACK when the
 * tables of `target` are being removed.
 */
export function switchTo(serving: Serving, target: string, untilMs: number): Serving {
  const { previous } = serving;
  if (target === serving.serving) throw new RangeError(`Definition ${target} is served already.`);
  if (previous !== null && previous !== target) {
    throw new ViewsError(
      'TIDEMARK_SERVING_KEPT',
      `Definition ${previous}, which was served before ${serving.serving}, still has its tables${untilText(serving)}. Its processes stopped, a batch run removes them after that time; \`tidemark definition drop ${previous}\` does at once.`,
    );
  }
  if (previous === target && serving.untilMs === CLOSED) {
    throw new ViewsError('TIDEMARK_SERVING_NO_WAY_BACK', `The tables of definition ${target} are being removed.`);
  }
  return { serving: target, previous: serving.serving, untilMs };
}

/** Serves the previous definition again, and keeps the one that is left as long. Throws TIDEMARK_SERVING_NO_WAY_BACK. */
export function switchBack(serving: Serving, nowMs: number): Serving {
  const { previous, untilMs } = serving;
  if (previous === null || !hasWayBack(serving, nowMs)) {
    const why = previous === null ? 'No other definition is kept' : `The time of definition ${previous} is over`;
    throw new ViewsError(
      'TIDEMARK_SERVING_NO_WAY_BACK',
      `${why}: there is no way back. Fill it anew by its processes, and switch to it.`,
    );
  }
  return { serving: previous, previous: serving.serving, untilMs };
}

/** Nobody goes back from now on, whatever their clock says: the first step of removing the previous definition. */
export function closeWayBack(serving: Serving): Serving {
  return { ...serving, untilMs: CLOSED };
}

/** The previous definition is gone: the last step of removing it. */
export function forget({ serving }: Serving): Serving {
  return { serving, previous: null, untilMs: null };
}

const untilText = ({ untilMs }: Serving): string =>
  untilMs === null || untilMs === CLOSED ? '' : `, kept until ${new Date(untilMs).toISOString()}`;
