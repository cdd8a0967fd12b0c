import {
  comparePlaces,
  consolidate,
  keyOf,
  nextStanding,
  type Occurrence,
  type Standing,
  sameRow,
} from '../consolidate.ts';
import type { Change } from '../sources.ts';

/** How a change of the log can be at odds with how its key stood. */
export type Contradiction = 'placed or cancelled twice' | 'changed from something else' | 'retraction ahead of its row';

/** A change after the cut, and what it would have had to say. */
export type Judged = {
  readonly occurrence: Occurrence;
  /** Null: it takes back what stood and puts in its place what stands then. */
  readonly contradiction: Contradiction | null;
  /** The change from how its key stood to how it stood then; null when it changed nothing. */
  readonly settled: Change | null;
};

/**
 * Holds each change of `after` against how its key stood: after `prefix` and the changes before it. Both are of one
 * customer, in total order and without repeats; what is settled leads from the prefix to how everything stands.
 */
export function judge(prefix: readonly Occurrence[], after: readonly Occurrence[]): readonly Judged[] {
  const keys = new Set(after.map(({ change }) => keyOf(change)));
  const known = new Map<string, Occurrence[]>();
  for (const occurrence of prefix) {
    const key = keyOf(occurrence.change);
    if (!keys.has(key)) continue;
    const ofKey = known.get(key) ?? [];
    ofKey.push(occurrence);
    known.set(key, ofKey);
  }
  const standings = consolidate([...known.values()].flat());
  return after.map((occurrence): Judged => {
    const { change } = occurrence;
    if (!change.source.keyed) return { occurrence, contradiction: null, settled: change };
    const key = keyOf(change);
    const held = standings.get(key);
    const then = stoodThen(held, known, key, occurrence);
    standings.set(key, then);
    const settled = then.by === occurrence ? { ...change, minus: held?.by.change.plus ?? null } : null;
    return { occurrence, contradiction: contradictionOf(change, held, settled !== null), settled };
  });
}

/** A partition that the cut lacks has epochs from before it: what comes behind all others of its key is the rule. */
function stoodThen(
  held: Standing | undefined,
  known: Map<string, Occurrence[]>,
  key: string,
  occurrence: Occurrence,
): Standing {
  const ofKey = known.get(key) ?? [];
  const last = ofKey.at(-1);
  ofKey.push(occurrence);
  known.set(key, ofKey);
  if (!last || comparePlaces(last.place, occurrence.place) < 0) return nextStanding(held, occurrence);
  ofKey.sort((a, b) => comparePlaces(a.place, b.place));
  return consolidate(ofKey).get(key) ?? nextStanding(held, occurrence);
}

function contradictionOf(
  { source, kind, minus, plus }: Change,
  held: Standing | undefined,
  decides: boolean,
): Contradiction | null {
  if (minus === null) {
    if (!held) return null;
    return held.unmatched ? 'retraction ahead of its row' : 'placed or cancelled twice';
  }
  if (!held) return 'retraction ahead of its row';
  const stood = held.by.change.plus;
  if (decides && sameRow(source, minus, stood)) return null;
  const isCancelled = source.fields.every(({ name }) => minus[name] === plus[name] || stood[name] === plus[name]);
  return kind === 'cancelled' && isCancelled ? 'placed or cancelled twice' : 'changed from something else';
}
