import { compareUtf8 } from '@tidemark/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeded } from './testing/seed.ts';
import { EMPTY_SET, has, insert, intersects, type TextSet, union } from './text-set.ts';

const parameters = seeded('text sets', 500);
const texts = fc.array(fc.constantFrom('', 'a', 'b', 'ba', '\uFFFD', '\u{1F600}', 'é', '__proto__'));
const setOf = (values: readonly string[]): TextSet => values.reduce(insert, EMPTY_SET);
const sorted = (values: Iterable<string>) => [...new Set(values)].sort(compareUtf8);

test('a set holds each text once, ascending by UTF-8, however it was put together', () => {
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      expect(setOf(a)).toEqual(sorted(a));
      expect(union(setOf(a), setOf(b))).toEqual(sorted([...a, ...b]));
      expect(intersects(setOf(a), setOf(b))).toBe(a.some((value) => b.includes(value)));
      for (const value of a) expect(has(setOf(b), value)).toBe(b.includes(value));
    }),
    parameters,
  );
});

test('U+FFFD stands before U+1F600, as every store sorts them', () => {
  expect(setOf(['\u{1F600}', '\uFFFD'])).toEqual(['\uFFFD', '\u{1F600}']);
});

test('sets are never written in place', () => {
  const set = Object.freeze(['a', 'c']);
  expect(insert(set, 'b')).toEqual(['a', 'b', 'c']);
  expect(insert(set, 'a')).toBe(set);
  expect(union(set, Object.freeze(['b']))).toEqual(['a', 'b', 'c']);
});
