import type { HistoryRecord } from '@tidemark/oracle';
import type { FoldOutcome } from '../fold.ts';
import type { Row } from '../source.ts';
import { type Change, expand } from '../sources.ts';
import { consolidate, type Standing } from './consolidated.ts';
import { type History, inOrder, isCovered } from './history.ts';

/** Why the merge law lets a key deviate until the next generation. */
export type Cause =
  | 'a: repeat older than the window'
  | 'a: repeat in another partition'
  | 'a: repeat of an imported event'
  | 'b: placed twice'
  | 'b: cancelled twice'
  | 'b: changed from something else'
  | 'b: changed or taken back before it was placed'
  | 'b: changed or taken back, not placed until then';

/** A (source, key) whose signed rows after the cut do not lead from how it stood to how it stands, and why. */
export type Deviation = { readonly source: string; readonly key: string; readonly causes: ReadonlySet<Cause> };

const keyOf = ({ source, key }: Change): string => `${source.name} ${key}`;

const text = (row: Row): string =>
  JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value === undefined ? 'absent' : value,
  );

/**
 * The deviations of a history that is cut at its generation. A key deviates exactly when (how the prefix leaves it) +
 * (its signed rows after the cut, those of repeats within the window left out) is, as rows with counts, not (how the
 * whole leaves it). Throws when a key deviates and the law names no cause for it.
 */
export function deviations(history: History, outcomes: ReadonlyMap<HistoryRecord, FoldOutcome>): readonly Deviation[] {
  const prefix = consolidate(history.records.filter((record) => isCovered(record, history.generation)));
  const whole = consolidate(history.records);
  const after = history.records.filter((record) => !isCovered(record, history.generation));
  const folded = after.filter((record) => outcomes.get(record) === 'folded').map(({ event }) => expand(event));

  const found: Deviation[] = [];
  // A repeat with other content may be of a key that no counted record has.
  for (const key of new Set([...whole.keys(), ...folded.map(keyOf)])) {
    const balance = new Map<string, number>();
    const book = (row: Row, times: number) => balance.set(text(row), (balance.get(text(row)) ?? 0) + times);
    const before = prefix.get(key);
    if (before) book(before.change.plus, 1);
    const standing = whole.get(key);
    if (standing) book(standing.change.plus, -1);
    for (const change of folded.filter((one) => keyOf(one) === key)) {
      if (change.minus) book(change.minus, -1);
      book(change.plus, 1);
    }
    if ([...balance.values()].every((times) => times === 0)) continue;
    const causes = causesOf(key, history, outcomes);
    if (causes.size === 0) throw new Error(`${key} deviates and the law names no cause`);
    found.push({ source: key.slice(0, key.indexOf(' ')), key, causes });
  }
  return found;
}

function causesOf(key: string, history: History, outcomes: ReadonlyMap<HistoryRecord, FoldOutcome>): Set<Cause> {
  const causes = new Set<Cause>();
  const ordered = inOrder(history.records);
  for (const [index, record] of ordered.entries()) {
    const change = expand(record.event);
    if (record.source === 'import' || keyOf(change) !== key) continue;
    const earlier = ordered.slice(0, index);
    const first = earlier.find(({ event }) => event.event_id === record.event.event_id);
    if (first === undefined)
      for (const cause of contradictions(change, consolidate(earlier).get(key))) causes.add(cause);
    else if (outcomes.get(record) === 'folded') causes.add(repeatCause(first, record));
  }
  return causes;
}

/** What a change of the log says against how its key stood. */
function contradictions({ kind, minus }: Change, standing: Standing | undefined): readonly Cause[] {
  if (minus === null) {
    if (standing === undefined) return [];
    return [standing.unmatched ? 'b: changed or taken back before it was placed' : 'b: placed twice'];
  }
  if (standing === undefined) return ['b: changed or taken back, not placed until then'];
  const held = standing.change.plus;
  if (text(minus) === text(held)) return [];
  return [kind === 'cancelled' && held.cancelled === true ? 'b: cancelled twice' : 'b: changed from something else'];
}

function repeatCause(first: HistoryRecord, record: HistoryRecord): Cause {
  if (first.source === 'import') return 'a: repeat of an imported event';
  const samePartition = record.source === 'log' && record.partition === first.partition;
  return samePartition ? 'a: repeat older than the window' : 'a: repeat in another partition';
}
