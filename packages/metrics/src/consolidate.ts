import type { TidemarkEvent } from '@tidemark/contracts';
import type { Definition } from './definition.ts';
import { foldChange, zeroState } from './fold.ts';
import type { Row, Source } from './source.ts';
import type { Change } from './sources.ts';
import type { State } from './state.ts';

/** Where an event stands: imports come first, by number and row, then the log by epoch, partition and offset. */
export type HistoryPlace =
  | { readonly source: 'import'; readonly number: number; readonly row: number }
  | { readonly source: 'log'; readonly epoch: number; readonly partition: number; readonly offset: bigint };

/** What of an event says which it is, and when it happened (UTC ms). */
export type EventIdentity = Pick<TidemarkEvent, 'event_id' | 'occurred_at'>;

/** An event of one customer at its place in history, as the change it makes. */
export type Occurrence = {
  readonly place: HistoryPlace;
  readonly event: EventIdentity;
  readonly change: Change;
};

/** Negative when `a` comes before `b` in the total order of history. */
export function comparePlaces(a: HistoryPlace, b: HistoryPlace): number {
  if (a.source === 'import') return b.source === 'import' ? a.number - b.number || a.row - b.row : -1;
  if (b.source === 'import') return 1;
  return a.epoch - b.epoch || a.partition - b.partition || (a.offset < b.offset ? -1 : Number(a.offset > b.offset));
}

/** The occurrence that decides how a key stands, and whether none ever placed the key. */
export type Standing<O extends Occurrence = Occurrence> = { readonly by: O; readonly unmatched: boolean };

export const keyOf = ({ source, key }: Change): string => `${source.name} ${key}`;

/** Without those that repeat an earlier event's id. `ordered` is one customer's history in total order. */
export function withoutRepeats<O extends Occurrence>(ordered: readonly O[]): readonly O[] {
  const seen = new Set<string>();
  return ordered.filter(({ event }) => seen.size !== seen.add(event.event_id).size);
}

/**
 * How every (source, key) of one customer stands: the rule that the engine's SQL follows over all customers. `ordered`
 * is in total order and holds no repeat.
 */
export function consolidate<O extends Occurrence>(ordered: readonly O[]): Map<string, Standing<O>> {
  const standings = new Map<string, Standing<O>>();
  for (const occurrence of ordered) {
    const key = keyOf(occurrence.change);
    standings.set(key, nextStanding(standings.get(key), occurrence));
  }
  return standings;
}

/** How a key stands after one more occurrence of it, which comes behind all that made it stand as it does. */
export function nextStanding<O extends Occurrence>(held: Standing<O> | undefined, occurrence: O): Standing<O> {
  const unmatched = (held?.unmatched ?? true) && occurrence.change.kind !== 'placed';
  return held && !decides(occurrence, held) ? { by: held.by, unmatched } : { by: occurrence, unmatched };
}

/** Whether a later occurrence takes over from the one that decided until now. */
function decides({ place, change }: Occurrence, { by }: Standing): boolean {
  if (place.source === 'log') return change.kind !== 'placed';
  if (by.place.source !== 'import' || place.number !== by.place.number) return true;
  return change.kind !== 'placed' || by.change.kind === 'placed';
}

/** The state that the rows of these standings add up to. */
export function stateOfStandings(definition: Definition, standings: Iterable<Standing>): State {
  const state = zeroState(definition);
  for (const { by } of standings) foldChange(definition, state, { ...by.change, minus: null }, by.event);
  for (const { rowsAt } of definition.counters) state[rowsAt] = 0n;
  return state;
}

export const sameRow = (source: Source, a: Row, b: Row): boolean =>
  source.fields.every(({ name }) => a[name] === b[name]);
