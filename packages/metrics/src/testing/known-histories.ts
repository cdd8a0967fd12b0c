import type { OrderBody, TidemarkEvent } from '@tidemark/contracts';
import type { HistoryRecord } from '@tidemark/oracle';
import { INT64_MAX } from './histories.ts';
import type { History } from './history.ts';

const DAY_MS = 24 * 3_600_000;
const BARRIER_AT_MS = Date.UTC(2025, 5, 15, 12, 30);
/** The last millisecond before what lies 31 days before the barrier's hour. */
const EARLY = Date.UTC(2025, 4, 15, 12) - 1;
const LATER = Date.UTC(2025, 5, 13, 13) - 1;
const OLDEST = Date.UTC(2025, 4, 14, 12) - 1;

type Body = Partial<OrderBody>;
const order = ({ order_date = EARLY, total_amount = 0n, status = 'completed' }: Body = {}): OrderBody => ({
  order_date,
  total_amount,
  status,
});

const envelope = (event_id: string) => ({ event_id, customer_id: 'c', occurred_at: EARLY });
const placed = (id: string, order_id: string, body?: Body): TidemarkEvent => ({
  ...envelope(id),
  event_type: 'order_placed',
  order_id,
  ...order(body),
});
const changed = (id: string, order_id: string, before?: Body, after: Body = before ?? {}): TidemarkEvent => ({
  ...envelope(id),
  event_type: 'order_changed',
  order_id,
  before: order(before),
  after: order(after),
});
const cancelled = (id: string, order_id: string): TidemarkEvent => {
  const { order_date, total_amount } = order();
  return { ...envelope(id), event_type: 'order_cancelled', order_id, order_date, total_amount };
};

const imported = (number: number, row: number, event: TidemarkEvent): HistoryRecord => ({
  source: 'import',
  number,
  row,
  event,
});
/** Of the log, in the order of their offsets, each in the partition that is named before it. */
const logged = (...events: readonly (readonly [partition: number, event: TidemarkEvent])[]): HistoryRecord[] =>
  events.map(([partition, event], index) => ({ source: 'log', partition, epoch: 0, offset: BigInt(index), event }));

const history = (...records: readonly HistoryRecord[]): History => ({
  records,
  barriers: new Map([
    [0, []],
    [1, []],
  ]),
  generation: 0,
  barrierAtMs: BARRIER_AT_MS,
  asOfMs: BARRIER_AT_MS - DAY_MS,
});

/** Histories in which changes of one key, each of them wrong, come to nothing together, so that they moved no number. */
export const KNOWN_HISTORIES: readonly History[] = [
  history(
    imported(1, 0, placed('e0', 'k2')),
    ...logged(
      [0, changed('e1', 'k2', { status: 'cancelled' }, { status: 'CANCELLED' })],
      [0, changed('e2', 'k1')],
      [0, cancelled('e3', 'k2')],
    ),
  ),
  history(
    imported(1, 0, placed('e0', 'k1')),
    imported(1, 1, changed('e1', 'k1')),
    imported(5, 2, changed('e2', 'k1', {}, { order_date: LATER })),
    ...logged(
      [0, changed('e3', 'k1', { order_date: LATER }, { order_date: OLDEST })],
      [0, changed('e4', 'k1')],
      [0, changed('e5', 'k1')],
      [0, placed('e0', 'k1')],
    ),
  ),
  history(
    ...logged(
      [0, changed('e0', '\uFFFDk')],
      [1, placed('e1', 'k1')],
      [0, { ...envelope('e1'), event_type: 'customer_profile_updated', country: 'gold' }],
      [0, changed('e2', 'k1')],
    ),
  ),
  history(
    imported(1, 0, placed('e0', '\uFFFDk', { total_amount: INT64_MAX })),
    ...logged(
      [0, placed('e1', 'k1', { total_amount: 1n })],
      [1, changed('e2', '\uFFFDk', { total_amount: INT64_MAX }, { total_amount: 1n, status: 'cancelled' })],
      [0, changed('e3', '\uFFFDk', { total_amount: 1n })],
      [1, changed('e3', '\uFFFDk', { total_amount: 1n })],
      [0, placed('e4', 'k1', { status: 'Cancelled' })],
      [0, changed('e5', 'k1', { status: 'Cancelled' }, { status: 'CANCELLED' })],
    ),
  ),
];
