import { minorDigits } from './currency.ts';
import type { RejectCode } from './reject.ts';

export type MoneyResult =
  | { readonly ok: true; readonly minor: bigint }
  | { readonly ok: false; readonly code: RejectCode; readonly reason: string };

const INT64_MAX = 9_223_372_036_854_775_807n;
/** Every integer of up to 15 digits is exact in a double, which is several times faster than a BigInt of a string. */
const EXACT_DIGITS = 15;
const INT64_DIGITS = 19;

const notDecimal = refuse('invalid_money', 'is not a plain decimal such as "1234.50"');
const negative = refuse('money_negative', 'is below zero');
const tooPrecise = refuse('money_too_precise', 'has more digits after the point than the currency has');
const outOfRange = refuse('money_out_of_range', 'does not fit 64 bits in minor units');

function refuse(code: RejectCode, reason: string): MoneyResult {
  return { ok: false, code, reason };
}

/**
 * An amount as minor units, exactly or not at all. `value` is a decimal string (`12.50`, no sign, no exponent, at most
 * `digits` digits after the point, trailing zeros counted) or a JSON number, taken in its shortest form, so that 1e2
 * is 100 and -0 is 0. The result is in 0 … 2^63 − 1. Never throws.
 */
export function parseMoney(value: unknown, digits: number): MoneyResult {
  if (typeof value === 'string') return parseDecimal(value, digits);
  if (typeof value !== 'number' || Number.isNaN(value)) return notDecimal;
  if (value < 0) return negative;
  // From 1e21 on, and below 1e-6, the shortest form has an exponent: no such amount has a place in 64 bits of minor units.
  if (value >= 1e21) return outOfRange;
  if (value !== 0 && value < 1e-6) return tooPrecise;
  return parseDecimal(String(value), digits);
}

function parseDecimal(text: string, digits: number): MoneyResult {
  const start = text.charCodeAt(0) === 0x2d ? 1 : 0;
  let point = -1;
  for (let i = start; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char >= 0x30 && char <= 0x39) continue;
    if (char !== 0x2e || point !== -1) return notDecimal;
    point = i;
  }
  const wholeEnd = point === -1 ? text.length : point;
  if (wholeEnd === start || point === text.length - 1) return notDecimal;
  if (start === 1) return negative;
  const fraction = point === -1 ? 0 : text.length - point - 1;
  if (fraction > digits) return tooPrecise;
  const unscaled = point === -1 ? text : text.slice(0, point) + text.slice(point + 1);
  if (unscaled.length <= EXACT_DIGITS - digits) {
    return { ok: true, minor: BigInt(Number(unscaled) * 10 ** (digits - fraction)) };
  }
  return parseLong(unscaled, digits - fraction);
}

/** As many zeros in front as there are must not make a giant BigInt: they are dropped first, and the rest is bounded. */
function parseLong(unscaled: string, zeros: number): MoneyResult {
  let first = 0;
  while (first < unscaled.length - 1 && unscaled.charCodeAt(first) === 0x30) first++;
  if (unscaled.length - first > INT64_DIGITS) return outOfRange;
  const minor = BigInt(unscaled.slice(first)) * 10n ** BigInt(zeros);
  return minor > INT64_MAX ? outOfRange : { ok: true, minor };
}

/** Minor units as a decimal string with all the digits of `currency`: `1234.50`, `-0.05`, `7` in JPY. */
export function formatMoney(minor: bigint, currency: string): string {
  const digits = minorDigits(currency);
  const sign = minor < 0n ? '-' : '';
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  if (digits === 0) return sign + text;
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** `numerator / denominator` rounded to the nearest integer, halves away from zero. `denominator` must not be 0. */
export function divideRoundHalfAway(numerator: bigint, denominator: bigint): bigint {
  const isNegative = numerator < 0n !== denominator < 0n;
  const n = numerator < 0n ? -numerator : numerator;
  const d = denominator < 0n ? -denominator : denominator;
  const rounded = (2n * n + d) / (2n * d);
  return isNegative ? -rounded : rounded;
}
