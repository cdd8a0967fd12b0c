import { expect, test } from 'vitest';
import { type BoundWrite, groupByReplica, routingKey } from './replica-group.ts';

const write = (key: string, bytes = 10): BoundWrite => ({
  cql: 'INSERT',
  values: [Buffer.from(key), Buffer.alloc(bytes)],
  key: Buffer.from(key),
});
const byFirst = (key: Buffer): string => key.toString()[0] ?? '';
const keys = (groups: Iterable<readonly BoundWrite[]>) =>
  Array.from(groups, (group) => group.map(({ key }) => key.toString()));
const sizes = (groups: Iterable<readonly BoundWrite[]>) => Array.from(groups, (group) => group.length);

test('only rows of the same replicas share a batch, and all are in one', () => {
  const groups = groupByReplica(
    ['a1', 'b1', 'a2', 'c1', 'b2'].map((key) => write(key)),
    byFirst,
  );
  expect(keys(groups)).toEqual([['a1', 'a2'], ['b1', 'b2'], ['c1']]);
  expect(keys(groupByReplica([], byFirst))).toEqual([]);
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
  expect(sizes(groupByReplica(many, byFirst))).toEqual([10, 10, 5]);
  const same = Array.from({ length: 25 }, () => write('a'));
  expect(sizes(groupByReplica(same, byFirst))).toEqual([25]);
});

test('no more is taken than the next batch needs', () => {
  let taken = 0;
  const writes = function* () {
    for (; taken < 100; taken++) yield write(`a${taken}`);
  };
  const groups = groupByReplica(writes(), byFirst);
  groups.next();
  expect(taken).toBe(10);
});

test('the key of a partition of several columns is as the nodes put it together', () => {
  expect(routingKey([Buffer.from([0, 0, 0, 7]), Buffer.from('ab')]).toString('hex')).toBe(
    '0004000000070000026162' + '00',
  );
});
