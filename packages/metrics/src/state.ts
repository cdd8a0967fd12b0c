import type { ColumnValue } from './column.ts';

/**
 * A state is one flat row of column values: what is folded in memory is what is stored, so nothing is encoded twice.
 * The array belongs to its holder and is written in place; the values inside are immutable and may be shared.
 */
export type State = ColumnValue[];

/** Reads the value at `at` as a bigint; throws when the state is of another shape, which is a bug. */
export function bigintAt(state: readonly ColumnValue[], at: number): bigint {
  const value = state[at];
  if (typeof value === 'bigint') return value;
  throw shapeError(at, 'a bigint', value);
}

/** Reads a nullable ordered scalar: a bigint (money) or a number (time, integer). */
export function scalarAt(state: readonly ColumnValue[], at: number): bigint | number | null {
  const value = state[at];
  if (value === null || typeof value === 'bigint' || typeof value === 'number') return value;
  throw shapeError(at, 'a number, a bigint or null', value);
}

export function numberAt(state: readonly ColumnValue[], at: number): number | null {
  const value = state[at];
  if (value === null || typeof value === 'number') return value;
  throw shapeError(at, 'a number or null', value);
}

export function textAt(state: readonly ColumnValue[], at: number): string | null {
  const value = state[at];
  if (value === null || typeof value === 'string') return value;
  throw shapeError(at, 'a string or null', value);
}

export function setAt(state: readonly ColumnValue[], at: number): readonly string[] {
  const value = state[at];
  if (Array.isArray(value)) return value;
  throw shapeError(at, 'a text set', value);
}

export function textCountsAt(state: readonly ColumnValue[], at: number): ReadonlyMap<string, bigint> {
  const value = state[at];
  if (value instanceof Map && isTextCounts(value)) return value;
  throw shapeError(at, 'counts by text', value);
}

export function hourCountsAt(state: readonly ColumnValue[], at: number): ReadonlyMap<number, bigint> {
  const value = state[at];
  if (value instanceof Map && isHourCounts(value)) return value;
  throw shapeError(at, 'counts by hour', value);
}

/** The first key speaks for all: a map is only ever made by one aggregate. */
const isTextCounts = (counts: ReadonlyMap<unknown, bigint>): counts is ReadonlyMap<string, bigint> =>
  counts.size === 0 || typeof counts.keys().next().value === 'string';

const isHourCounts = (counts: ReadonlyMap<unknown, bigint>): counts is ReadonlyMap<number, bigint> =>
  counts.size === 0 || typeof counts.keys().next().value === 'number';

function shapeError(at: number, expected: string, value: ColumnValue | undefined): TypeError {
  return new TypeError(
    `state column ${at} should be ${expected} but is ${value === undefined ? 'missing' : typeof value}`,
  );
}
