import { types } from 'cassandra-driver';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assertProperty } from '../testing/samples.ts';
import { CASSANDRA_TYPES } from './column-type.ts';
import { writeTimestamp } from './offset-timestamp.ts';
import { EMPTY, varintBytes } from './wire-bytes.ts';
import { bigintOf, longOf } from './wire-value.ts';

const INT64_MAX = 2n ** 63n - 1n;

test('a varint is the bytes that Java makes of a BigInteger, as few as there can be', async () => {
  const edges = [0n, 1n, -1n, 127n, 128n, -128n, -129n, 255n, 256n, INT64_MAX, INT64_MAX + 1n, -INT64_MAX - 2n];
  const wide = fc.oneof(fc.constantFrom(...edges), fc.bigInt(-(10n ** 38n), 10n ** 38n), fc.bigInt(-70_000n, 70_000n));
  await assertProperty(
    fc.asyncProperty(wide, async (value) => {
      const expected = types.Integer.toBuffer(types.Integer.fromString(value.toString()));
      expect(varintBytes(value).toString('hex')).toBe(expected.toString('hex'));
    }),
    2000,
  );
});

test('a number of 64 bits is the driver’s Long and back, bit for bit', async () => {
  const value = fc.oneof(fc.constantFrom(0n, -1n, INT64_MAX, -INT64_MAX - 1n), fc.bigInt(-INT64_MAX - 1n, INT64_MAX));
  await assertProperty(
    fc.asyncProperty(value, async (each) => {
      expect(longOf(each).toString()).toBe(each.toString());
      expect(bigintOf(longOf(each))).toBe(each);
    }),
    1000,
  );
  expect(longOf(writeTimestamp(INT64_MAX - 1n)).toString()).toBe(INT64_MAX.toString());
});

test('a null has bytes of its own in every type, and none of them are a tombstone’s', () => {
  for (const [name, { encode }] of Object.entries(CASSANDRA_TYPES)) expect(encode(null), name).toBeInstanceOf(Buffer);
  const { text, text_set, text_counts, hour_counts, varint } = CASSANDRA_TYPES;
  expect(text.encode(null)).toEqual(EMPTY);
  expect([text.decode(''), text.decode('\0')]).toEqual([null, '']);
  expect(text.encode('')).toEqual(Buffer.from([0]));
  expect(varint.encode(0n)).not.toEqual(varint.encode(null));
  expect(text_set.encode([])).toEqual(Buffer.alloc(4));
  for (const { encode } of [text_counts, hour_counts]) {
    expect(encode(new Map())).toEqual(Buffer.alloc(4));
    expect(encode(null)).not.toEqual(encode(new Map()));
  }
});

test('what got past its check is not written as something else', () => {
  const { int64, int32, text, text_set } = CASSANDRA_TYPES;
  expect(() => int64.encode(5)).toThrow(TypeError);
  expect(() => int32.encode(5n)).toThrow(TypeError);
  expect(() => text.encode(['a'])).toThrow(TypeError);
  expect(() => text_set.encode('a')).toThrow(TypeError);
  expect(() => int64.encode(2n ** 63n)).toThrow(RangeError);
  expect(() => int32.encode(2 ** 31)).toThrow(RangeError);
});
