import type { OrderBody, Priority, TidemarkEvent } from '@tidemark/contracts';
import { expect, test } from 'vitest';
import { define } from './definition.ts';
import { emptyDelta, foldRecord, zeroState } from './fold.ts';
import { mergeView, rankScore } from './merged-view.ts';
import { foldedBatch } from './testing/consolidated.ts';

const definition = define('USD');
const asOfMs = Date.UTC(2025, 5, 15, 12);
const DAY = 86_400_000;

let made = 0;
const envelope = () => ({ event_id: `e${made++}`, customer_id: 'c', occurred_at: asOfMs });
const body = (amount: bigint, daysAgo: number): OrderBody => ({
  order_date: asOfMs - daysAgo * DAY,
  total_amount: amount,
  status: 'completed',
});
const placed = (order_id: string, amount: bigint, daysAgo: number): TidemarkEvent => ({
  ...envelope(),
  event_type: 'order_placed',
  order_id,
  ...body(amount, daysAgo),
});
const cancelled = (order_id: string, amount: bigint, daysAgo: number): TidemarkEvent => {
  const { order_date, total_amount } = body(amount, daysAgo);
  return { ...envelope(), event_type: 'order_cancelled', order_id, order_date, total_amount };
};
const ticket = (priority: Priority, daysAgo: number): TidemarkEvent => ({
  ...envelope(),
  event_type: 'support_ticket_created',
  ticket_id: `t${made++}`,
  category: 'billing',
  priority,
  created_date: asOfMs - daysAgo * DAY,
});

const batch = (...events: TidemarkEvent[]) =>
  foldedBatch(
    definition,
    events.map((event, offset) => ({ source: 'log', partition: 0, epoch: 0, offset: BigInt(offset), event })),
    asOfMs,
  );
const delta = (...events: TidemarkEvent[]) => {
  const row = emptyDelta(definition);
  for (const [offset, event] of events.entries()) foldRecord(definition, row, null, event, BigInt(offset));
  return row.state;
};
const view = (...states: ReturnType<typeof zeroState>[]) => mergeView(definition, states, asOfMs);

test('a customer without orders has null averages, dates and values, and zero sums', () => {
  expect(view(delta(ticket('low', 1)))).toMatchObject({
    metrics: {
      total_revenue: '0.00',
      order_count: 0,
      avg_order_value: null,
      first_order_date: null,
      days_since_last_order: null,
      customer_lifetime_days: null,
      estimated_clv: null,
      segment: null,
      at_risk: false,
      at_risk_reasons: [],
    },
    provisional: [],
  });
});

test('three tickets within 30 days, or two of high priority, put a customer at risk, with the reasons', () => {
  const risk = (...events: TidemarkEvent[]) => view(delta(...events)).metrics.at_risk_reasons;
  expect(risk(ticket('low', 0), ticket('low', 1))).toEqual([]);
  expect(risk(ticket('low', 0), ticket('low', 1), ticket('medium', 30))).toEqual(['frequent_tickets']);
  expect(risk(ticket('low', 0), ticket('low', 1), ticket('medium', 31))).toEqual([]);
  expect(risk(ticket('high', 0), ticket('urgent', 1))).toEqual(['high_priority_tickets']);
  expect(risk(ticket('high', 0), ticket('urgent', 1), ticket('urgent', 2))).toEqual([
    'frequent_tickets',
    'high_priority_tickets',
  ]);
  expect(view(batch(ticket('high', 0)), delta(ticket('urgent', 1))).metrics.at_risk).toBe(true);
});

test('the window slides with as_of alone', () => {
  const state = batch(ticket('low', 0));
  const at = (days: number) => mergeView(definition, [state], asOfMs + days * DAY).metrics.tickets_30d;
  expect([at(0), at(30), at(31)]).toEqual([1, 1, 0]);
});

test('lifetime value is revenue × days × 2 / 365, rounded once', () => {
  expect(view(batch(placed('1', 10_000n, 9), placed('2', 5_050n, 0))).metrics).toMatchObject({
    avg_order_value: '75.25',
    customer_lifetime_days: 10,
    estimated_clv: '8.25',
  });
});

test('an extreme taken back is provisional, and so is all that is derived from it', () => {
  const held = batch(placed('1', 100n, 9), placed('2', 100n, 5), placed('3', 100n, 0));
  expect(view(held, delta(cancelled('2', 100n, 5))).provisional).toEqual([]);
  expect(view(held, delta(cancelled('3', 100n, 0))).provisional).toEqual([
    'last_order_date',
    'days_since_last_order',
    'customer_lifetime_days',
    'estimated_clv',
  ]);
});

test('a change that leaves a measure’s value, filter and hour alone is no change for it', () => {
  const before = { ...body(100n, 0), status: 'pending' };
  const change: TidemarkEvent = {
    ...envelope(),
    event_type: 'order_changed',
    order_id: '1',
    before,
    after: { ...before, total_amount: 250n, status: 'completed' },
  };
  const changed = view(batch(placed('1', 100n, 0)), delta(change));
  expect(changed.metrics).toMatchObject({ total_revenue: '2.50', order_count: 1, days_since_last_order: 0 });
  expect(changed.provisional).toEqual([]);
});

test('a source whose keys were revised before they were placed is provisional once it has rows in a delta', () => {
  const unmatched = batch(cancelled('1', 100n, 0));
  expect(view(unmatched).provisional).toEqual([]);
  expect(view(unmatched, delta(ticket('low', 0))).provisional).toEqual([]);
  const doubtful = view(unmatched, delta(placed('1', 100n, 0))).provisional;
  expect(doubtful).toEqual(
    expect.arrayContaining(['total_revenue', 'order_count', 'avg_order_value', 'cancelled_orders']),
  );
  expect(doubtful).not.toContain('tickets_total');
});

test('money is written with the digits of its currency, however large', () => {
  const yen = mergeView(define('JPY'), [delta(placed('1', 2n ** 63n - 1n, 0), placed('2', 2n ** 63n - 1n, 0))], asOfMs);
  expect(yen.metrics.total_revenue).toBe('18446744073709551614');
});

test('a rank follows the value, null is not ranked', () => {
  expect(rankScore(definition, [batch(placed('1', 100n, 9))], 'total_revenue', asOfMs)).toEqual({
    score: 100n,
    provisional: false,
  });
  expect(rankScore(definition, [zeroState(definition)], 'estimated_clv', asOfMs).score).toBeNull();
  expect(() => rankScore(definition, [], 'nothing', asOfMs)).toThrow(RangeError);
});
