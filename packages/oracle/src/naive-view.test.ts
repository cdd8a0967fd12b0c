import type { TidemarkEvent } from '@tidemark/contracts';
import { expect, test } from 'vitest';
import { type HistoryRecord, naiveMerged, naiveRecompute } from './index.ts';

const DAY = 86_400_000;
const asked = { asOfMs: Date.UTC(2025, 0, 31), currency: 'USD' };

const placed = (id: string, order: string, amount: bigint, date = asked.asOfMs - 10 * DAY): TidemarkEvent => ({
  event_type: 'order_placed',
  event_id: id,
  customer_id: 'c',
  occurred_at: date,
  order_id: order,
  order_date: date,
  total_amount: amount,
  status: 'completed',
});

const cancelled = (id: string, order: string, amount: bigint, date = asked.asOfMs - 10 * DAY): TidemarkEvent => ({
  event_type: 'order_cancelled',
  event_id: id,
  customer_id: 'c',
  occurred_at: date,
  order_id: order,
  order_date: date,
  total_amount: amount,
});

const ticket = (id: string, created: number): TidemarkEvent => ({
  event_type: 'support_ticket_created',
  event_id: id,
  customer_id: 'c',
  occurred_at: created,
  ticket_id: id,
  category: 'billing',
  priority: 'low',
  created_date: created,
});

const inLog = (epoch: number, offset: number, event: TidemarkEvent, partition = 0): HistoryRecord => ({
  source: 'log',
  partition,
  epoch,
  offset: BigInt(offset),
  event,
});
const imported = (number: number, row: number, event: TidemarkEvent): HistoryRecord => ({
  source: 'import',
  number,
  row,
  event,
});

const recomputed = (...records: HistoryRecord[]) => naiveRecompute(records, asked).get('c');
const merged = (prefix: HistoryRecord[], after: HistoryRecord[], barriers = [1, 2, 5]) =>
  naiveMerged(prefix, after, { ...asked, barriers: new Map([[0, barriers]]) }).get('c');

test('orders are added up, rounded half away from zero, once', () => {
  expect(recomputed(inLog(0, 0, placed('a', '1', 101n)), inLog(0, 1, placed('b', '2', 100n)))).toMatchObject({
    total_revenue: '2.01',
    order_count: 2,
    avg_order_value: '1.01',
    customer_lifetime_days: 1,
    estimated_clv: '0.01',
    days_since_last_order: 10,
    first_order_date: '2025-01-21T00:00:00.000Z',
  });
});

test('a repeat counts once, an event of another customer with its id too', () => {
  const other = { ...placed('a', '1', 5n), customer_id: 'd' };
  const all = naiveRecompute(
    [inLog(0, 0, placed('a', '1', 5n)), inLog(0, 1, placed('a', '2', 5n)), inLog(0, 2, other)],
    asked,
  );
  expect(all.get('c')?.order_count).toBe(1);
  expect(all.get('d')?.order_count).toBe(1);
});

test('the last revision in the log decides, else the last import, else the first placement', () => {
  const first = inLog(0, 0, placed('a', '1', 100n));
  const again = inLog(0, 1, placed('b', '1', 200n));
  const firstImport = imported(1, 0, placed('i', '1', 300n));
  const lastImport = imported(2, 0, placed('j', '1', 400n));
  const cancel = inLog(0, 2, cancelled('x', '1', 999n));
  expect(recomputed(again, first)?.total_revenue).toBe('1.00');
  expect(recomputed(again, first, firstImport)?.total_revenue).toBe('3.00');
  expect(recomputed(again, lastImport, first, firstImport)?.total_revenue).toBe('4.00');
  expect(recomputed(again, lastImport, first, firstImport, cancel)).toMatchObject({
    total_revenue: '0.00',
    cancelled_orders: 1,
    avg_order_value: null,
    estimated_clv: null,
  });
});

test('after the cut rows count as they say, and a taken back value does not stand', () => {
  const prefix = [inLog(0, 0, placed('a', '1', 100n)), inLog(0, 1, placed('b', '2', 50n, asked.asOfMs - 2 * DAY))];
  const answer = merged(prefix, [inLog(1, 2, cancelled('x', '2', 50n, asked.asOfMs - 2 * DAY))]);
  expect(answer?.metrics).toMatchObject({ total_revenue: '1.00', cancelled_orders: 1, days_since_last_order: 10 });
  expect(answer?.unsettled).toEqual([]);
});

test('a repeat is known within its epoch and the one before in its partition, and not beyond', () => {
  const once = inLog(0, 0, placed('a', '1', 100n));
  const again = (epoch: number) => merged([once], [inLog(epoch, 9, placed('a', '1', 100n))])?.metrics.order_count;
  expect(again(1)).toBe(1);
  expect(again(2)).toBe(2);
  const skipping = merged([inLog(2, 5, placed('a', '1', 100n))], [inLog(5, 9, placed('a', '1', 100n))]);
  expect(skipping?.metrics.order_count).toBe(1);
});

test('the thousand ids seen last are remembered, one that comes again becomes the newest', () => {
  const records = Array.from({ length: 1_000 }, (_, n) => inLog(1, n, placed(`id-${n}`, `${n}`, 1n)));
  const refreshed = inLog(1, 1_000, placed('id-0', '0', 1n));
  const pushing = inLog(1, 1_001, placed('new', 'new', 1n));
  const count = (id: string) =>
    merged([], [...records, refreshed, pushing, inLog(1, 1_002, placed(id, 'again', 1n))])?.metrics.order_count;
  expect(count('id-0')).toBe(1_001);
  expect(count('id-1')).toBe(1_002);
});

test('a key the prefix saw revised but never made is unsettled once rows of its source follow', () => {
  const prefix = [inLog(0, 0, cancelled('x', '1', 100n))];
  expect(merged(prefix, [])?.unsettled).toEqual([]);
  expect(merged(prefix, [inLog(1, 1, ticket('t', 0))])?.unsettled).toEqual([]);
  expect(merged(prefix, [inLog(1, 1, placed('a', '2', 100n))])?.unsettled).toEqual(['orders']);
});

test('a window holds what is at most 30 whole days old by the hour, and the future', () => {
  const hour = 3_600_000;
  const oldest = asked.asOfMs - 31 * DAY + hour;
  const count = (created: number) => recomputed(inLog(0, 0, ticket('t', created)))?.tickets_30d;
  expect(count(oldest)).toBe(1);
  expect(count(oldest - 1)).toBe(0);
  expect(count(asked.asOfMs + 100 * DAY)).toBe(1);
});

test('an import after the cut, and an epoch without its barrier, are refused', () => {
  expect(() => merged([], [imported(1, 0, placed('a', '1', 1n))])).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_ORACLE_IMPORT_AFTER_CUT' }),
  );
  expect(() => merged([], [inLog(3, 0, placed('a', '1', 1n))])).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_ORACLE_BARRIER_MISSING' }),
  );
});
