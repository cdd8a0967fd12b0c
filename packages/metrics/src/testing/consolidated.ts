import type { HistoryRecord } from '@tidemark/oracle';
import {
  consolidate as consolidateOccurrences,
  type Occurrence,
  type Standing as StandingBy,
  stateOfStandings,
  withoutRepeats,
} from '../consolidate.ts';
import type { Definition } from '../definition.ts';
import { type Change, expand } from '../sources.ts';
import { hourCountsAt, type State } from '../state.ts';
import { floorHour, KEPT_HOURS } from '../window.ts';
import { inOrder } from './history.ts';

/** The record that decides how a key stands, and whether no record ever placed it. */
export type Standing = { readonly record: HistoryRecord; readonly change: Change; readonly unmatched: boolean };

type OfRecord = Occurrence & { readonly record: HistoryRecord };

/** A record as the occurrence it is. */
export const occurrenceOf = (record: HistoryRecord): OfRecord => {
  const { event } = record;
  return { record, place: record, event, change: expand(event) };
};

const standingsAfter = (records: readonly HistoryRecord[]): Map<string, StandingBy<OfRecord>> =>
  consolidateOccurrences(withoutRepeats(inOrder(records).map(occurrenceOf)));

/** How every (source, key) of one customer stands after `records`, by DESIGN's rule of consolidation. */
export const consolidate = (records: readonly HistoryRecord[]): Map<string, Standing> =>
  new Map(
    [...standingsAfter(records)].map(([key, { by, unmatched }]) => [
      key,
      { record: by.record, change: by.change, unmatched },
    ]),
  );

/** The batch state of a customer by folding the consolidated rows, one by one: what the SQL must leave. */
export function foldedBatch(definition: Definition, records: readonly HistoryRecord[], barrierAtMs: number): State {
  const standings = [...standingsAfter(records).values()];
  const state = stateOfStandings(definition, standings);
  for (const { source, unmatchedAt } of definition.counters) {
    const unmatched = standings.filter(
      (standing) => standing.unmatched && standing.by.change.source.name === source.name,
    );
    state[unmatchedAt] = BigInt(unmatched.length);
  }
  for (const [at, { type }] of definition.columns.entries()) {
    if (type === 'hour_counts') {
      const kept = [...hourCountsAt(state, at)].filter(([hour]) => hour > floorHour(barrierAtMs) - KEPT_HOURS);
      state[at] = new Map(kept);
    }
  }
  return state;
}
