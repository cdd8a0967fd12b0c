import fc from 'fast-check';
import { expect, test } from 'vitest';
import { barrierOf, barrierRecord, hasBarrierHeader } from './barrier.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
const bytes = (text: string) => new TextEncoder().encode(text);

test('a barrier reads back as it was written, in every partition', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    fc.maxSafeNat(),
    fc.nat(100),
    (g, at, p) => {
      const { headers = {}, partition } = barrierRecord(g, at, p);
      expect(partition).toBe(p);
      expect(barrierOf({ headers })).toEqual({ generation: g, atMs: at });
    },
  );
  fc.assert(property, { seed });
});

test.each([
  ['', '1'],
  ['0', '1'],
  ['-1', '1'],
  ['+1', '1'],
  ['01', '1'],
  ['1 ', '1'],
  ['1.0', '1'],
  ['1e3', '1'],
  ['9007199254740992', '1'],
  ['99999999999999999999999', '1'],
  ['1', ''],
  ['1', '-5'],
  ['1', 'now'],
  ['\u0661', '1'],
])('a malformed barrier (%j at %j) is no barrier, and no event either', (generation, at) => {
  const record = { headers: { 'tidemark-barrier': bytes(generation), 'tidemark-barrier-at': bytes(at) } };
  expect(barrierOf(record)).toBeNull();
  expect(hasBarrierHeader(record)).toBe(true);
});

test('a barrier without its time is malformed, and a record without the header is none', () => {
  expect(barrierOf({ headers: { 'tidemark-barrier': bytes('1') } })).toBeNull();
  expect(hasBarrierHeader({ headers: { 'tidemark-barrier-at': bytes('1') } })).toBe(false);
  expect(hasBarrierHeader({ headers: {} })).toBe(false);
});

test('a barrier that nobody could read is not written', () => {
  expect(() => barrierRecord(0, 1, 0)).toThrow(RangeError);
  expect(() => barrierRecord(1.5, 1, 0)).toThrow(RangeError);
  expect(() => barrierRecord(1, -1, 0)).toThrow(RangeError);
});
