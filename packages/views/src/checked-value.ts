import { compareUtf8 } from '@tidemark/contracts';
import type { Column, ColumnType, ColumnValue } from '@tidemark/metrics';
import { ViewsError } from './error.ts';
import type { StoredState } from './port.ts';

/*
 * The border of every adapter: what passes here is kept bit for bit, anything else is refused before it is written. Stores
 * round, wrap or cut silently, each in its own way.
 */

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const VARINT_LIMIT = 10n ** 38n;
const INT32_LIMIT = 2 ** 31;
/** The last millisecond that a Date has, in the year 275760. */
const TIMESTAMP_MAX = 8_640_000_000_000_000;
/** The start of year 1: PostgreSQL writes years before it in another way. */
const TIMESTAMP_MIN = -62_135_596_800_000;
const NOT_STORABLE = /[\0\p{Cs}]/u;

type Check = (value: Exclude<ColumnValue, null>) => boolean;

const checks: Record<ColumnType, Check> = {
  int64: (value) => typeof value === 'bigint' && isInt64(value),
  varint: (value) => isVarint(value),
  int32: (value) => typeof value === 'number' && isInt32(value),
  timestamp: (value) => typeof value === 'number' && isTimestamp(value),
  text: (value) => typeof value === 'string' && isStorableText(value),
  text_set: (value) => Array.isArray(value) && value.every(isTextAfter),
  text_counts: (value) =>
    value instanceof Map &&
    every(value, (key, count) => typeof key === 'string' && isStorableText(key) && isCount(count)),
  hour_counts: (value) =>
    value instanceof Map && every(value, (key, count) => typeof key === 'number' && isInt32(key) && isCount(count)),
};

/** Throws TIDEMARK_VIEWS_VALUE unless the state has one storable value for each column. Values stay out of the message. */
export function checkState(columns: readonly Column[], state: StoredState): void {
  if (state.length !== columns.length) refuse(`a state has ${state.length} values for ${columns.length} columns`);
  for (const [index, { name, type }] of columns.entries()) {
    const value = state[index];
    const fits = value === undefined ? false : value === null ? type !== 'int64' : checks[type](value);
    if (!fits) refuse(`column ${name} was given something that ${type} does not hold`);
  }
}

/** Throws unless the text can be part of a key or a plain field. */
export function checkText(value: string, what: string): void {
  if (!isStorableText(value)) refuse(`${what} has a NUL or half a surrogate pair`);
}

/** Throws unless the number is a generation, epoch or partition: a whole one from 0 to 2³¹ − 1. */
export function checkNumber(value: number, what: string): void {
  if (!isInt32(value) || value < 0) refuse(`${what} is no whole number from 0 on`);
}

export function checkOffset(value: bigint): void {
  if (!isInt64(value) || value < 0n) refuse('an offset is no 64-bit number from 0 on');
}

export function checkScore(value: bigint): void {
  if (!isVarint(value)) refuse('a score has more than 38 digits');
}

export function checkTimestamp(value: number, what: string): void {
  if (!isTimestamp(value)) refuse(`${what} is no time in whole milliseconds`);
}

/** Text for a person's eyes, where losing a character beats losing the record: what can't be stored becomes U+FFFD. */
export function storableText(text: string): string {
  return text.replace(new RegExp(NOT_STORABLE, 'gu'), '\uFFFD');
}

function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

function isVarint(value: unknown): value is bigint {
  return typeof value === 'bigint' && value < VARINT_LIMIT && value > -VARINT_LIMIT;
}

function isCount(value: unknown): boolean {
  return isVarint(value) && value !== 0n;
}

function isInt32(value: number): boolean {
  return Number.isInteger(value) && !Object.is(value, -0) && value >= -INT32_LIMIT && value < INT32_LIMIT;
}

function isTimestamp(value: number): boolean {
  return Number.isInteger(value) && !Object.is(value, -0) && value >= TIMESTAMP_MIN && value <= TIMESTAMP_MAX;
}

function isStorableText(value: string): boolean {
  return !NOT_STORABLE.test(value);
}

/** Sets are stored in one order, so that equal ones are equal bytes. */
function isTextAfter(value: unknown, index: number, all: readonly unknown[]): boolean {
  if (typeof value !== 'string' || !isStorableText(value)) return false;
  const before = all[index - 1];
  return typeof before !== 'string' || compareUtf8(before, value) < 0;
}

function every(map: ReadonlyMap<unknown, unknown>, check: (key: unknown, value: unknown) => boolean): boolean {
  for (const [key, value] of map) if (!check(key, value)) return false;
  return true;
}

function refuse(what: string): never {
  throw new ViewsError('TIDEMARK_VIEWS_VALUE', `Nothing was written: ${what}.`);
}
