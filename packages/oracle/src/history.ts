import type { TidemarkEvent } from '@tidemark/contracts';

/** An accepted event and where it stands in history. */
export type HistoryRecord =
  | { readonly source: 'import'; readonly number: number; readonly row: number; readonly event: TidemarkEvent }
  | {
      readonly source: 'log';
      readonly partition: number;
      readonly epoch: number;
      readonly offset: bigint;
      readonly event: TidemarkEvent;
    };

/** Total order of history: imports by number and row, then the log by epoch, partition and offset. */
export function inTotalOrder(records: readonly HistoryRecord[]): HistoryRecord[] {
  return [...records].sort((a, b) => {
    if (a.source === 'import' && b.source === 'import') return a.number - b.number || a.row - b.row;
    if (a.source === 'import') return -1;
    if (b.source === 'import') return 1;
    return a.epoch - b.epoch || a.partition - b.partition || Number(a.offset - b.offset);
  });
}

/** The records of each customer, in total order. */
export function byCustomer(records: readonly HistoryRecord[]): Map<string, HistoryRecord[]> {
  return grouped(inTotalOrder(records), ({ event }) => event.customer_id);
}

/** The items under each key, in the order given. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** One customer's records without those that repeat the event id of an earlier one. */
export function withoutRepeats(ordered: readonly HistoryRecord[]): HistoryRecord[] {
  const seen = new Set<string>();
  return ordered.filter(({ event }) => {
    const isNew = !seen.has(event.event_id);
    seen.add(event.event_id);
    return isNew;
  });
}
