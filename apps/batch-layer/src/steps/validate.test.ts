import { expect, it } from 'vitest';
import { objections } from './validate.ts';

const sound = { customers: 3, duplicateCustomers: 0, nulls: {}, negativeMoney: {}, lost: 0 };

it('lets a sound generation pass', () => {
  expect(objections(sound, 10)).toEqual([]);
  expect(objections({ ...sound, customers: 0, lost: null }, 0)).toEqual([]);
});

it('names everything that speaks against one', () => {
  const broken = {
    customers: 0,
    duplicateCustomers: 2,
    nulls: { order_count: 1 },
    negativeMoney: { total_revenue: 4 },
    lost: 5,
  };
  expect(objections(broken, 10)).toEqual([
    'no customer came out of 10 rows',
    '2 customers came out twice',
    'order_count is null for 1 customers',
    'total_revenue is negative for 4 customers',
    '5 customers of the live generation are missing',
  ]);
});
