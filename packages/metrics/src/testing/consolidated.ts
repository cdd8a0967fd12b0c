import type { HistoryRecord } from '@tidemark/oracle';
import type { Definition } from '../definition.ts';
import { foldChange, zeroState } from '../fold.ts';
import { type Change, expand } from '../sources.ts';
import { hourCountsAt, type State } from '../state.ts';
import { floorHour, KEPT_HOURS } from '../window.ts';
import { inOrder } from './history.ts';

/** The record that decides how a key stands, and whether no record ever placed it. */
export type Standing = { readonly record: HistoryRecord; readonly change: Change; readonly unmatched: boolean };

/** How every (source, key) of one customer stands after `records`, by DESIGN's rule of consolidation. */
export function consolidate(records: readonly HistoryRecord[]): Map<string, Standing> {
  const seen = new Set<string>();
  const standings = new Map<string, Standing>();
  for (const record of inOrder(records)) {
    if (seen.has(record.event.event_id)) continue;
    seen.add(record.event.event_id);
    const change = expand(record.event);
    const key = `${change.source.name} ${change.key}`;
    const held = standings.get(key);
    const unmatched = (held?.unmatched ?? true) && change.kind !== 'placed';
    standings.set(key, held && !decides(record, change, held) ? { ...held, unmatched } : { record, change, unmatched });
  }
  return standings;
}

/** Whether a later record takes over from the one that decided until now. */
function decides(record: HistoryRecord, change: Change, held: Standing): boolean {
  if (record.source === 'log') return change.kind !== 'placed';
  if (held.record.source !== 'import' || record.number !== held.record.number) return true;
  return change.kind !== 'placed' || held.change.kind === 'placed';
}

/** The batch state of a customer by folding the consolidated rows, one by one: what the SQL must leave. */
export function foldedBatch(definition: Definition, records: readonly HistoryRecord[], barrierAtMs: number): State {
  const state = zeroState(definition);
  for (const { change, record } of consolidate(records).values()) {
    foldChange(definition, state, { ...change, minus: null }, record.event);
  }
  const standings = [...consolidate(records).values()];
  for (const { source, rowsAt, unmatchedAt } of definition.counters) {
    state[rowsAt] = 0n;
    const unmatched = standings.filter((standing) => standing.unmatched && standing.change.source.name === source.name);
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
