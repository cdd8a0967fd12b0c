import { compareUtf8 } from '@tidemark/contracts';
import type { HistoryRecord } from '@tidemark/oracle';
import type { FoldOutcome } from '../fold.ts';
import { expand } from '../sources.ts';
import { floorHour, KEPT_HOURS, windowStartHour } from '../window.ts';
import { consolidate } from './consolidated.ts';
import { INT64_MAX } from './histories.ts';
import { type History, inOrder, isCovered } from './history.ts';

/** The kinds of histories that the laws must have been asked about. */
export const HISTORY_CLASSES = [
  'empty history',
  'nothing after the cut',
  'nothing before the cut',
  'both sides of the cut',
  'two partitions',
  'barrier number skipped',
  'retraction before its row, both after the cut',
  'retraction before the cut, its row after',
  'change of an unknown key',
  'repeat within an epoch',
  'repeat across the cut, within the window',
  'repeat older than the window',
  'repeat of an imported event',
  'repeat with other content',
  'later import of the same key',
  'import of a key the log has',
  'null clears',
  'profile field absent',
  'equal times',
  'ids in another order by UTF-16',
  'amount of int64 max',
  'first hour inside the window',
  'last hour outside the window',
  'hour a run drops',
  'first hour a run keeps',
  'event in the future',
] as const;
export type HistoryClass = (typeof HISTORY_CLASSES)[number];

/** The classes a history belongs to. */
export function* classesOf(
  history: History,
  outcomes: ReadonlyMap<HistoryRecord, FoldOutcome>,
): Generator<HistoryClass> {
  const { records, generation } = history;
  if (records.length === 0) yield 'empty history';
  const covered = records.filter((record) => isCovered(record, generation)).length;
  if (covered === records.length) yield 'nothing after the cut';
  if (covered === 0 && records.length > 0) yield 'nothing before the cut';
  if (covered > 0 && covered < records.length) yield 'both sides of the cut';
  if (new Set(records.map((record) => (record.source === 'log' ? record.partition : 0))).size === 2)
    yield 'two partitions';
  if ([...history.barriers.values()].some((numbers) => numbers.some((n, i) => n > (numbers[i - 1] ?? 0) + 1))) {
    yield 'barrier number skipped';
  }
  yield* classesOfOrder(history, outcomes);
  yield* classesOfValues(history);
}

function* classesOfOrder(
  { records, generation }: History,
  outcomes: ReadonlyMap<HistoryRecord, FoldOutcome>,
): Generator<HistoryClass> {
  const ordered = inOrder(records);
  for (const [index, record] of ordered.entries()) {
    const { source, key, kind } = expand(record.event);
    const standings = consolidate(ordered.slice(0, index));
    const standing = standings.get(`${source.name} ${key}`);
    const same = ordered.slice(0, index).find(({ event }) => event.event_id === record.event.event_id);
    if (same) {
      if (outcomes.get(record) === 'folded') {
        yield same.source === 'import' ? 'repeat of an imported event' : 'repeat older than the window';
      } else if (record.source === 'log' && same.source === 'log') {
        if (same.epoch === record.epoch) yield 'repeat within an epoch';
        if (isCovered(same, generation) && !isCovered(record, generation))
          yield 'repeat across the cut, within the window';
      }
      if (same.event !== record.event) yield 'repeat with other content';
      continue;
    }
    if (kind !== 'placed' && !standing) yield 'change of an unknown key';
    if (kind === 'placed' && standing?.unmatched && !isCovered(record, generation)) {
      yield isCovered(standing.record, generation)
        ? 'retraction before the cut, its row after'
        : 'retraction before its row, both after the cut';
    }
    if (!standing || standing.record.source === 'log') continue;
    if (record.source === 'log') yield 'import of a key the log has';
    else if (record.number > standing.record.number) yield 'later import of the same key';
  }
}

function* classesOfValues({ records, asOfMs, barrierAtMs }: History): Generator<HistoryClass> {
  const events = records.map(({ event }) => event);
  for (const event of events) {
    if ('total_amount' in event && event.total_amount === INT64_MAX) yield 'amount of int64 max';
    if (event.event_type === 'customer_profile_updated') {
      if (event.segment === null || event.birth_year === null) yield 'null clears';
      if (event.segment === undefined) yield 'profile field absent';
    }
    if (event.event_type !== 'support_ticket_created') continue;
    const hour = floorHour(event.created_date);
    if (hour === windowStartHour(floorHour(asOfMs), 30)) yield 'last hour outside the window';
    if (hour === windowStartHour(floorHour(asOfMs), 30) + 1) yield 'first hour inside the window';
    if (hour <= floorHour(barrierAtMs) - KEPT_HOURS) yield 'hour a run drops';
    if (hour === floorHour(barrierAtMs) - KEPT_HOURS + 1) yield 'first hour a run keeps';
    if (event.created_date > asOfMs) yield 'event in the future';
  }
  for (const [index, a] of events.entries()) {
    for (const b of events.slice(index + 1)) {
      if (a.occurred_at !== b.occurred_at || a.event_id === b.event_id) continue;
      yield 'equal times';
      if ((compareUtf8(a.event_id, b.event_id) === 1) !== a.event_id > b.event_id)
        yield 'ids in another order by UTF-16';
    }
  }
}
