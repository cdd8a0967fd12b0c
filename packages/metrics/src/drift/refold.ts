import type { Occurrence } from '../consolidate.ts';
import type { Definition } from '../definition.ts';
import { type Delta, emptyDelta, foldOnce } from '../fold.ts';
import type { State } from '../state.ts';

/** An occurrence in the log. */
export type Logged = Occurrence & { readonly place: { readonly source: 'log' } };

export const isLogged = (occurrence: Occurrence): occurrence is Logged => occurrence.place.source === 'log';

export type Refolded = {
  /** The states of the deltas that hold the asked occurrences. */
  readonly states: readonly State[];
  /** Those of them that were counted: the others repeat an id of the window. */
  readonly counted: ReadonlySet<Occurrence>;
};

/**
 * The deltas that the speed layer must have made of one customer's `after`, whole epochs of them: folded again from the
 * log. `earlier` is what it folded before; of it only ids are looked at, those of the epochs before. `barriers` are the
 * numbers of each partition's barriers, ascending.
 */
export function refold(
  definition: Definition,
  earlier: readonly Logged[],
  after: readonly Logged[],
  barriers: ReadonlyMap<number, readonly number[]>,
): Refolded {
  const deltas = new Map<string, Delta>();
  const deltaOf = ({ place }: Logged, epoch: number | undefined) => deltas.get(`${place.partition} ${epoch}`);
  const epochBefore = ({ place }: Logged) => {
    const epochs = [0, ...(barriers.get(place.partition) ?? [])];
    return epochs[epochs.indexOf(place.epoch) - 1];
  };
  const window = new Set(after.map((occurrence) => `${occurrence.place.partition} ${epochBefore(occurrence)}`));
  const asked = new Set<Occurrence>(after);
  const counted = new Set<Occurrence>();
  const states = new Set<State>();
  const remembered = earlier.filter(({ place }) => window.has(`${place.partition} ${place.epoch}`));
  for (const occurrence of [...remembered, ...after].sort(byPartition)) {
    const { place, event, change } = occurrence;
    const delta = deltaOf(occurrence, place.epoch) ?? emptyDelta(definition);
    deltas.set(`${place.partition} ${place.epoch}`, delta);
    const before = deltaOf(occurrence, epochBefore(occurrence)) ?? null;
    const outcome = foldOnce(definition, delta, before, event, place.offset, () => change);
    if (!asked.has(occurrence)) continue;
    states.add(delta.state);
    if (outcome === 'folded') counted.add(occurrence);
  }
  return { states: [...states], counted };
}

/** As each partition is folded: by offset. */
const byPartition = ({ place: a }: Logged, { place: b }: Logged): number =>
  a.partition - b.partition || (a.offset < b.offset ? -1 : 1);
