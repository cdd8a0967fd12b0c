import { describe, expect, test } from 'vitest';
import { count, countByValue, distinct, latest, max, sum } from './measure.ts';
import { orders, refunds, supportTickets } from './sources.ts';

const { created_date, resolved_date, category } = supportTickets.field;

describe('a declaration that no row could meet is refused when it is made', () => {
  test.each([
    ['sum of text', () => sum(category)],
    ['sum of a time', () => sum(created_date)],
    ['max of text', () => max(category)],
    ['distinct of money', () => distinct(orders.field.total_amount)],
    ['count by a time', () => countByValue(created_date)],
    ['latest of a time', () => latest(created_date)],
    ['a window by money', () => count(orders).over(30, orders.field.total_amount)],
    ['a window by a time that may be null', () => count(supportTickets).over(30, resolved_date)],
    ['a window by the time of another source', () => count(refunds).over(30, created_date)],
  ])('%s', (_, declaration) => {
    expect(declaration).toThrow(TypeError);
  });

  test.each([0, 31, 1.5, Number.NaN])('a window of %s days', (days) => {
    expect(() => count(supportTickets).over(days, created_date)).toThrow(RangeError);
  });
});
