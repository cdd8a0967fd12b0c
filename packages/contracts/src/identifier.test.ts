import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareUtf8, isIdentifier } from './identifier.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 2 ** 31);
/** Few characters, from every length of UTF-8 and both sides of the surrogates, so that prefixes and ties are common. */
const wellFormed = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
    maxLength: 6,
  }),
  fc.string({ unit: 'binary' }),
);

test(`the order of strings is that of their bytes (seed ${seed})`, () => {
  fc.assert(
    fc.property(wellFormed, wellFormed, (a, b) => {
      expect(compareUtf8(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(compareUtf8(b, a)).toBe(0 - compareUtf8(a, b) + 0);
    }),
    { seed, numRuns: 5000 },
  );
});

test(`an identifier has 1 to 256 bytes, is well-formed and has no control characters (seed ${seed})`, () => {
  const unit = fc.oneof(
    { weight: 99, arbitrary: fc.constantFrom('a', 'é', '€', '😀') },
    fc.integer({ min: 0, max: 0xffff }).map((n) => String.fromCharCode(n)),
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 300, size: 'max' }), (text) => {
      const bytes = Buffer.from(text);
      const roundTrips = bytes.toString() === text;
      const controls = [...text].some((char) => char < ' ' || (char >= '\x7f' && char <= '\x9f'));
      expect(isIdentifier(text)).toBe(roundTrips && bytes.length >= 1 && bytes.length <= 256 && !controls);
    }),
    { seed, numRuns: 3000 },
  );
});
