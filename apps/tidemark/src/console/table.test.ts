import { expect, test } from 'vitest';
import { bytes, duration } from './quantity.ts';
import { table } from './table.ts';

test('columns line up, and what a customer wrote can not move the cursor', () => {
  const columns = [{ title: 'name' }, { title: 'orders', align: 'right' as const }];
  const rows = [
    ['anna', '3'],
    ['\u001b[2Jbo', '1234'],
  ];
  expect(table(columns, rows).split('\n')).toEqual([
    '  name         orders',
    '  anna              3',
    '  \\u001b[2Jbo    1234',
  ]);
});

test('quantities are short', () => {
  expect([0, 999, 1500, 2_345_678_901].map(bytes)).toEqual(['0 B', '999 B', '1.5 KB', '2.3 GB']);
  expect([20, 5_000, 64_000, 3_600_000, 90_000_000].map(duration)).toEqual([
    '20 ms',
    '5 s',
    '1 min 4 s',
    '1 h',
    '1 d 1 h',
  ]);
});
