import type { TidemarkEvent } from '@tidemark/contracts';
import { expect, test } from 'vitest';
import { define } from './definition.ts';
import { emptyDelta, foldRecord, mergeStates, zeroState } from './fold.ts';
import { mergeView } from './merged-view.ts';
import { plainState } from './testing/plain-state.ts';

const definition = define('USD');

const refund = (id: string): TidemarkEvent => ({
  event_type: 'refund_issued',
  event_id: id,
  customer_id: 'c',
  occurred_at: 0,
  refund_id: id,
  order_id: 'o',
  amount: 100n,
});

const refunds = (delta: { readonly state: ReturnType<typeof zeroState> }) =>
  mergeView(definition, [delta.state], 0).metrics.refund_count;

test('a record at or below the last offset is already in and changes nothing', () => {
  const delta = emptyDelta(definition);
  expect(foldRecord(definition, delta, null, refund('a'), 5n)).toBe('folded');
  expect(foldRecord(definition, delta, null, refund('b'), 5n)).toBe('already in');
  expect(foldRecord(definition, delta, null, refund('b'), 4n)).toBe('already in');
  expect([delta.lastOffset, delta.ids.size, refunds(delta)]).toEqual([5n, 1, 1]);
});

test('a repeat enters the ids and raises the last offset, and counts for nothing', () => {
  const before = emptyDelta(definition);
  foldRecord(definition, before, null, refund('a'), 1n);
  const delta = emptyDelta(definition);
  expect(foldRecord(definition, delta, before, refund('a'), 2n)).toBe('repeat');
  expect(foldRecord(definition, delta, before, refund('b'), 3n)).toBe('folded');
  expect(foldRecord(definition, delta, before, refund('b'), 4n)).toBe('repeat');
  expect([delta.lastOffset, delta.ids.size, refunds(delta)]).toEqual([4n, 2, 1]);
  expect(before.lastOffset).toBe(1n);
});

test('without the epoch before, its ids are not known', () => {
  const delta = emptyDelta(definition);
  expect(foldRecord(definition, delta, null, refund('a'), 2n)).toBe('folded');
});

test('the zero is as long as the columns, and merging it changes nothing', () => {
  const delta = emptyDelta(definition);
  foldRecord(definition, delta, null, refund('a'), 1n);
  const merged = zeroState(definition);
  expect(merged).toHaveLength(definition.columns.length);
  mergeStates(definition, merged, delta.state);
  mergeStates(definition, merged, zeroState(definition));
  expect(plainState(merged)).toEqual(plainState(delta.state));
});
