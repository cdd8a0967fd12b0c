import type { HistoryRecord } from '@tidemark/oracle';

type WithoutEvent<R> = R extends HistoryRecord ? Omit<R, 'event'> : never;
type Place = WithoutEvent<HistoryRecord>;
type Wire = { readonly event_id: string; readonly event_type: string; readonly [field: string]: unknown };

/** Barriers of the golden history's partitions. */
export const GOLDEN_BARRIERS: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 4]],
  [1, [1]],
]);

/** Generations it is recomputed for: at each cut, and of everything. */
export const GOLDEN_GENERATIONS: readonly number[] = [1, 4, 5];

const event = (event_id: string, event_type: string, occurred_at: string, fields: object): Wire => ({
  event_id,
  event_type,
  customer_id: 'anna',
  occurred_at,
  ...fields,
});

const placed = (id: string, order_id: string, day: string, total_amount: string, fields: object = {}) =>
  event(id, 'order_placed', day, { order_id, total_amount, ...fields });
const ticket = { category: 'billing', priority: 'high', created_date: '2025-06-01T08:00:00Z' };

const imported = (number: number, ...wires: readonly Wire[]) =>
  wires.map((wire, row): { at: Place; wire: Wire } => ({ at: { source: 'import', number, row }, wire }));

let offset = 0n;
const logged = (partition: number, epoch: number, ...wires: readonly Wire[]) =>
  wires.map((wire): { at: Place; wire: Wire } => ({
    at: { source: 'log', partition, epoch, offset: offset++ },
    wire,
  }));

/** A few dozen events as they come on the wire, every type and every path of the fold among them. */
export const GOLDEN_HISTORY: readonly { readonly at: Place; readonly wire: Wire }[] = [
  ...imported(
    1,
    placed('i1', 'o1', '2024-01-01T00:00:00Z', '10.00'),
    placed('i2', 'o2', '2024-02-29T23:59:59.999Z', '92233720368547758.07'),
    placed('i3', 'o9', '2024-03-01T00:00:00Z', '5.00', { status: 'Cancelled' }),
  ),
  ...imported(
    2,
    placed('i4', 'o1', '2024-01-02T00:00:00Z', '11.00'),
    event('i5', 'customer_profile_updated', '2024-01-01T00:00:00Z', {
      segment: 'gold',
      country: 'FR',
      birth_year: 1980,
    }),
  ),
  ...logged(
    0,
    0,
    placed('a1', 'o3', '2025-05-01T10:00:00+02:00', '20.5'),
    placed('a1', 'o3', '2025-05-01T10:00:00+02:00', '20.5'),
    placed('a2', 'o3', '2025-05-02T10:00:00Z', '99.99'),
    event('a3', 'order_changed', '2025-05-03T00:00:00Z', {
      order_id: 'o3',
      before: { order_date: '2025-05-01T08:00:00Z', total_amount: '20.50' },
      after: { order_date: '2025-05-01T08:00:00Z', total_amount: '25.50', status: 'shipped' },
    }),
    event('a4', 'support_ticket_created', '2025-06-01T08:00:00Z', { ticket_id: 't1', ...ticket }),
    event('a5', 'support_ticket_created', '2025-05-15T13:00:00Z', {
      ticket_id: 't2',
      category: 'delivery',
      priority: 'low',
    }),
    event('a6', 'support_ticket_created', '2025-05-13T12:59:59.999Z', {
      ticket_id: 't3',
      category: 'delivery',
      priority: 'urgent',
    }),
    event('a7', 'support_ticket_created', '2025-05-13T13:00:00Z', {
      ticket_id: 't4',
      category: '__proto__',
      priority: 'urgent',
    }),
    event('a8', 'email_open', '2025-06-02T00:00:00Z', { campaign_id: '\u{1F600}' }),
    event('a9', 'email_click', '2025-06-02T00:00:01Z', { campaign_id: '\uFFFD' }),
  ),
  ...logged(
    0,
    1,
    event('b1', 'support_ticket_resolved', '2025-06-03T00:00:00Z', { ticket_id: 't1', ...ticket }),
    event('b2', 'order_cancelled', '2025-06-03T00:00:00Z', {
      order_id: 'o3',
      order_date: '2025-05-01T08:00:00Z',
      total_amount: '25.50',
    }),
    event('a9', 'email_click', '2025-06-02T00:00:01Z', { campaign_id: '\uFFFD' }),
    event('b3', 'refund_issued', '2025-06-04T00:00:00Z', { refund_id: 'r1', order_id: 'o3', amount: 25.5 }),
    event('b4', 'large_refund', '2025-06-04T00:00:00Z', { refund_id: 'r2', order_id: 'o2', amount: '1000.00' }),
    event('\uFFFD', 'customer_profile_updated', '2025-06-05T00:00:00Z', { segment: 'late', country: null }),
    event('\u{1F600}', 'customer_profile_updated', '2025-06-05T00:00:00Z', { segment: 'newest' }),
    event('b5', 'customer_profile_updated', '2025-06-04T00:00:00Z', { segment: 'old', birth_year: 1981 }),
  ),
  ...logged(
    0,
    4,
    event('b3', 'refund_issued', '2025-06-04T00:00:00Z', { refund_id: 'r1', order_id: 'o3', amount: 25.5 }),
    event('a8', 'email_open', '2025-06-02T00:00:00Z', { campaign_id: '\u{1F600}' }),
    event('c1', 'campaign_view', '2025-06-20T00:00:00Z', { campaign_id: 'spring', event_date: '2025-06-10T00:30:00Z' }),
    event('c2', 'order_cancelled', '2025-06-10T00:00:00Z', {
      order_id: 'o4',
      order_date: '2025-06-09T00:00:00Z',
      total_amount: '7.00',
    }),
    placed('c3', 'o4', '2025-06-09T00:00:00Z', '7.00'),
    placed('c4', 'o1', '2025-06-11T00:00:00Z', '12.00'),
  ),
  ...logged(
    1,
    1,
    placed('a2', 'o3', '2025-05-02T10:00:00Z', '99.99'),
    event('d1', 'order_cancelled', '2025-06-12T00:00:00Z', {
      order_id: 'o5',
      order_date: '2025-06-09T00:00:00Z',
      total_amount: '1.00',
    }),
  ),
];
