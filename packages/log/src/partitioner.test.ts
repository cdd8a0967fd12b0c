import { expect, test } from 'vitest';
import { createPartitioner, hashOfKey, partitionOfKey } from './partitioner.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

// The cases of Kafka's own UtilsTest.testMurmur2.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the hash of %j is that of Kafka', (key, hash) => {
  expect(hashOfKey(bytes(key))).toBe(hash);
  expect(partitionOfKey(bytes(key), 7)).toBe((hash & 0x7fffffff) % 7);
});

test('keys are bytes: the empty one and those that are no text have a partition', () => {
  expect(partitionOfKey(new Uint8Array(), 4)).toBe((275646681 & 0x7fffffff) % 4);
  expect(partitionOfKey(Uint8Array.of(0xff, 0x00, 0xfe), 4)).toBeLessThan(4);
  expect(() => partitionOfKey(bytes('a'), 0)).toThrow(RangeError);
});

test('records without a key go round all partitions', () => {
  const place = createPartitioner();
  const seen = Array.from({ length: 12 }, () => place(null, 4));
  for (const partition of [0, 1, 2, 3]) expect(seen.filter((each) => each === partition)).toHaveLength(3);
});
