import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Append } from '../port.ts';
import { CODECS, type Codecs, loadCodecs } from './codecs.ts';
import { type Aborted, decodeBatches, encodeBatch } from './record-batch.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
const NOW_MS = 1_700_000_000_000;
const ATTRIBUTES_AT = 21;

let codecs: Codecs;
beforeAll(async () => {
  codecs = await loadCodecs();
});

const bytes = fc.uint8Array({ maxLength: 300 });
const name = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'constructor', 'toString', ''));
const record: fc.Arbitrary<Append> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.uniqueArray(fc.tuple(name, bytes), { selector: ([key]) => key }).map((all) => Object.fromEntries(all)),
});

type Shape = { readonly at: bigint; readonly producerId?: bigint; readonly attributes?: number };

/** A batch as a broker answers it: with its place in the log, which the checksum does not cover. */
function batchAt(records: readonly Append[], { at, producerId = -1n, attributes = 0 }: Shape): Buffer {
  const sequence = { producerId, producerEpoch: 0, first: 0 };
  const batch = Buffer.from(encodeBatch(records, sequence, 'none', codecs, NOW_MS));
  batch.writeBigInt64BE(at, 0);
  if (attributes === 0) return batch;
  batch.writeInt16BE(attributes, ATTRIBUTES_AT);
  return checked(batch);
}

/** With the checksum that fits what it holds: the one way to it is a second batch, so it is taken bit by bit. */
function checked(batch: Buffer): Buffer {
  let crc = 0xffffffff;
  for (const byte of batch.subarray(ATTRIBUTES_AT)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  batch.writeUInt32BE((crc ^ 0xffffffff) >>> 0, ATTRIBUTES_AT - 4);
  return batch;
}

const numbered = (prefix: string, count: number): Append[] =>
  Array.from({ length: count }, (_, n) => ({ key: null, value: Buffer.from(`${prefix} ${n}`) }));

const decode = (
  all: readonly Buffer[],
  { from = 0n, maxRecords = 1_000, aborted = [] }: { from?: bigint; maxRecords?: number; aborted?: Aborted[] } = {},
) => {
  const { records, next } = decodeBatches(Buffer.concat(all), { partition: 7, from, maxRecords, aborted, codecs });
  return { values: records.map(({ value }) => Buffer.from(value ?? []).toString()), next, records };
};

test('what is encoded is decoded, in every codec', () => {
  const plain = ({ key, value, headers }: Append) => [key && [...key], value && [...value], entries(headers)];
  const entries = (headers: Append['headers']) =>
    Object.entries(headers ?? {}).map(([key, value]) => [key, [...value]]);
  const property = fc.property(
    fc.array(record, { minLength: 1, maxLength: 20 }),
    fc.constantFrom(...CODECS),
    (all, codec) => {
      const batch = encodeBatch(all, { producerId: 5n, producerEpoch: 1, first: 9 }, codec, codecs, NOW_MS);
      const { records, next } = decode([batch]);
      expect(records.map(plain)).toEqual(all.map(plain));
      expect(records.map(({ offset }) => offset)).toEqual(all.map((_, n) => BigInt(n)));
      expect(records.every(({ partition, timestampMs }) => partition === 7 && timestampMs === NOW_MS)).toBe(true);
      expect(next).toBe(BigInt(all.length));
    },
  );
  fc.assert(property, { seed, numRuns: 300 });
});

describe('of the batches that a broker answers', () => {
  test('records before the offset asked for are left out', () => {
    const answer = [batchAt(numbered('a', 5), { at: 10n }), batchAt(numbered('b', 2), { at: 15n })];
    expect(decode(answer, { from: 13n })).toMatchObject({ values: ['a 3', 'a 4', 'b 0', 'b 1'], next: 17n });
    expect(decode(answer, { from: 16n })).toMatchObject({ values: ['b 1'], next: 17n });
  });

  test('no more are given than were asked for, and the next is the one behind', () => {
    const answer = [batchAt(numbered('a', 5), { at: 10n }), batchAt(numbered('b', 2), { at: 15n })];
    expect(decode(answer, { from: 11n, maxRecords: 2 })).toMatchObject({ values: ['a 1', 'a 2'], next: 13n });
    expect(decode(answer, { from: 10n, maxRecords: 5 })).toMatchObject({ next: 15n });
    expect(decode(answer, { from: 10n, maxRecords: 6 })).toMatchObject({ next: 16n });
  });

  test('one that is cut off counts as not there', () => {
    const [whole, cut] = [batchAt(numbered('a', 2), { at: 0n }), batchAt(numbered('b', 2), { at: 2n })];
    for (let length = 0; length < cut.length; length += 1) {
      expect(decode([whole, cut.subarray(0, length)])).toMatchObject({ values: ['a 0', 'a 1'], next: 2n });
    }
  });

  test('offsets may have gaps, and next goes on behind a batch that ends in one', () => {
    const batch = batchAt(numbered('a', 2), { at: 5n });
    // As compaction leaves it: the batch still reaches to offset 9.
    batch.writeInt32BE(4, 23);
    expect(decode([checked(batch)], { from: 3n })).toMatchObject({ values: ['a 0', 'a 1'], next: 10n });
  });

  test('one that was damaged on its way is an error, wherever a bit flipped', () => {
    const batch = batchAt(numbered('a', 3), { at: 0n });
    const property = fc.property(fc.integer({ min: 17, max: batch.length - 1 }), fc.nat(7), (at, bit) => {
      const damaged = Buffer.from(batch);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
      expect(() => decode([damaged])).toThrow('damaged');
    });
    fc.assert(property, { seed, numRuns: 200 });
  });

  describe('a transaction of another client', () => {
    const TRANSACTIONAL = 0x10;
    const CONTROL = 0x20;
    const marker = (at: bigint, producerId: bigint, type: 0 | 1) =>
      batchAt([{ key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6) }], {
        at,
        producerId,
        attributes: TRANSACTIONAL | CONTROL,
      });
    const within = (prefix: string, count: number, at: bigint, producerId: bigint) =>
      batchAt(numbered(prefix, count), { at, producerId, attributes: TRANSACTIONAL });

    test('that was committed is read without its marker, whose offset is passed', () => {
      expect(decode([within('a', 2, 0n, 1n), marker(2n, 1n, 1)])).toMatchObject({ values: ['a 0', 'a 1'], next: 3n });
      expect(decode([marker(2n, 1n, 1)], { from: 2n })).toMatchObject({ values: [], next: 3n });
    });

    test('that was taken back never happened, and what its producer sent after it did', () => {
      const answer = [
        within('lost', 2, 0n, 1n),
        within('kept', 1, 2n, 2n),
        marker(3n, 1n, 0),
        within('later', 1, 4n, 1n),
        marker(5n, 2n, 1),
        marker(6n, 1n, 1),
        batchAt(numbered('plain', 1), { at: 7n, producerId: 1n }),
      ];
      const aborted = [{ producerId: 1n, firstOffset: 0n }];
      expect(decode(answer, { aborted })).toMatchObject({ values: ['kept 0', 'later 0', 'plain 0'], next: 8n });
      // The answer to a later offset still names it.
      expect(decode(answer.slice(1), { from: 1n, aborted })).toMatchObject({
        values: ['kept 0', 'later 0', 'plain 0'],
      });
    });
  });
});
