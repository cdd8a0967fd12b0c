import { expect, test } from 'vitest';
import { type BoundWrite, groupByReplica, routingKey } from './replica-group.ts';

const write = (key: string, bytes = 10): BoundWrite => ({
  cql: 'INSERT',
  values: [Buffer.from(key), Buffer.alloc(bytes)],
  key: Buffer.from(key),
});
const byFirst = (key: Buffer): string => key.toString()[0] ?? '';
const keys = (groups: readonly (readonly BoundWrite[])[]) =>
  groups.map((group) => group.map(({ key }) => key.toString()));

test('only rows of the same replicas share a batch, and all are in one', () => {
  const groups = groupByReplica(
    ['a1', 'b1', 'a2', 'c1', 'b2'].map((key) => write(key)),
    byFirst,
  );
  expect(keys(groups)).toEqual([['a1', 'a2'], ['b1', 'b2'], ['c1']]);
  expect(groupByReplica([], byFirst)).toEqual([]);
});

test('a batch stays below the bytes that a node warns of, and a row that is larger goes alone', () => {
  const groups = groupByReplica(
    [write('a1', 2000), write('a2', 2000), write('a3', 2000), write('a4', 90_000), write('a5')],
    byFirst,
  );
  expect(keys(groups)).toEqual([['a1', 'a2'], ['a3'], ['a4'], ['a5']]);
});

test('a batch is of ten partitions at most, of however many rows', () => {
  const many = Array.from({ length: 25 }, (_, index) => write(`a${index}`));
  expect(groupByReplica(many, byFirst).map((group) => group.length)).toEqual([10, 10, 5]);
  const same = Array.from({ length: 25 }, () => write('a'));
  expect(groupByReplica(same, byFirst).map((group) => group.length)).toEqual([25]);
});

test('the key of a partition of several columns is as the nodes put it together', () => {
  expect(routingKey([Buffer.from([0, 0, 0, 7]), Buffer.from('ab')]).toString('hex')).toBe(
    '0004000000070000026162' + '00',
  );
});
