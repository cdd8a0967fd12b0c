import { expect, test } from 'vitest';
import { inSlice, newest, pinned, sliceAfter } from './lineage.ts';

test('a reader takes the newest row at or below its generation', () => {
  expect(newest([1, 4, 2, 7], { generation: 5, excluded: [] })).toBe(4);
  expect(newest([5, 4], { generation: 5, excluded: [] })).toBe(5);
  expect(newest([6, 7], { generation: 5, excluded: [] })).toBeNull();
  expect(newest([], { generation: 5, excluded: [] })).toBeNull();
});

test('rows of generations that are no ancestors are never read, however late they were written', () => {
  expect(newest([1, 3, 4], { generation: 5, excluded: [3, 4] })).toBe(1);
  expect(newest([4], { generation: 5, excluded: [4] })).toBeNull();
});

test('without a lineage there is no batch row', () => {
  expect(newest([1], null)).toBeNull();
});

test('the deltas from the generation on complete its batch rows', () => {
  const slice = sliceAfter(5, { partitions: new Map([[0, 10n]]), imports: 0 });
  expect(inSlice(5, 0, slice)).toBe(true);
  expect(inSlice(9, 0, slice)).toBe(true);
  expect(inSlice(4, 0, slice)).toBe(false);
  expect(inSlice(0, 0, slice)).toBe(false);
});

test('epoch 0 counts in partitions that the cut does not have, and no other old epoch does', () => {
  const slice = sliceAfter(5, { partitions: new Map([[0, 10n]]), imports: 0 });
  expect(inSlice(0, 1, slice)).toBe(true);
  expect(inSlice(3, 1, slice)).toBe(false);
});

test('before the first generation answers come from all deltas alone', () => {
  expect(pinned(null)).toEqual({ lineage: null, slice: null });
  expect(inSlice(0, 3, null)).toBe(true);
});
