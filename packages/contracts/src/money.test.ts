import fc from 'fast-check';
import { expect, test } from 'vitest';
import { minorDigits } from './currency.ts';
import { divideRoundHalfAway, formatMoney, parseMoney } from './money.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 2 ** 31);
const currencies = ['JPY', 'USD', 'BHD', 'CLF'];
const minor = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.bigInt({ min: 0n, max: 100_000n }));

test.each([
  ['USD', 2],
  ['JPY', 0],
  ['BHD', 3],
  ['CLF', 4],
  // Where the runtime's locale data says 0, ISO 4217 says otherwise.
  ['IQD', 3],
  ['HUF', 2],
  ['AFN', 2],
])('%s has %i minor digits', (currency, digits) => {
  expect(minorDigits(currency)).toBe(digits);
});

test.each(['usd', '', 'XYZ', 'US', 'USDX', '__proto__'])('%j is no currency', (currency) => {
  expect(() => minorDigits(currency)).toThrow(expect.objectContaining({ code: 'TIDEMARK_CURRENCY_UNKNOWN' }));
});

test(`an amount written out reads back as it was (seed ${seed})`, () => {
  fc.assert(
    fc.property(minor, fc.constantFrom(...currencies), (amount, currency) => {
      expect(parseMoney(formatMoney(amount, currency), minorDigits(currency))).toStrictEqual({
        ok: true,
        minor: amount,
      });
    }),
    { seed, numRuns: 3000 },
  );
});

test(`a number of up to 15 digits is the amount it shows, never a neighbour (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 999_999_999_999_999 }), (scale, digits) => {
      const places = scale % 5;
      const value = Number(`${digits}e-${places}`);
      let fraction = places;
      let unscaled = BigInt(digits);
      for (; fraction > 0 && unscaled % 10n === 0n; fraction--) unscaled /= 10n;
      const expected =
        fraction > 2
          ? { ok: false, code: 'money_too_precise' }
          : { ok: true, minor: unscaled * 10n ** BigInt(2 - fraction) };
      expect(parseMoney(value, 2)).toMatchObject(expected);
    }),
    { seed, numRuns: 3000 },
  );
});

test.each([Number.NaN, undefined, null, {}, [], true, 1n])('%s is no amount', (value) => {
  expect(parseMoney(value, 2)).toMatchObject({ ok: false, code: 'invalid_money' });
});

test.each([
  [0n, 'USD', '0.00'],
  [5n, 'USD', '0.05'],
  [-5n, 'USD', '-0.05'],
  [123450n, 'USD', '1234.50'],
  [-123450n, 'USD', '-1234.50'],
  [7n, 'JPY', '7'],
  [-7n, 'JPY', '-7'],
  [1n, 'BHD', '0.001'],
  [10n ** 30n, 'USD', `1${'0'.repeat(28)}.00`],
])('%s minor units of %s are written %s', (amount, currency, expected) => {
  expect(formatMoney(amount, currency)).toBe(expected);
});

test.each([
  [5n, 2n, 3n],
  [-5n, 2n, -3n],
  [5n, -2n, -3n],
  [-5n, -2n, 3n],
  [1n, 3n, 0n],
  [-1n, 3n, 0n],
  [2n, 3n, 1n],
  [0n, 7n, 0n],
  [7n, 7n, 1n],
])('%s / %s rounds to %s', (numerator, denominator, expected) => {
  expect(divideRoundHalfAway(numerator, denominator)).toBe(expected);
});

test(`rounding is never off by more than a half, and symmetric (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt({ min: 1n }), (numerator, denominator) => {
      const rounded = divideRoundHalfAway(numerator, denominator);
      const error = 2n * (numerator - rounded * denominator);
      expect(error <= denominator && error >= -denominator).toBe(true);
      expect(divideRoundHalfAway(-numerator, denominator)).toBe(-rounded);
      expect(divideRoundHalfAway(numerator, -denominator)).toBe(-rounded);
    }),
    { seed, numRuns: 2000 },
  );
});
