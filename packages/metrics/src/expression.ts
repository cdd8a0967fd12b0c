import { divideRoundHalfAway } from '@tidemark/contracts';
import type { FinishedValue } from './aggregate.ts';

const DAY_MS = 86_400_000;

/**
 * How a derived metric follows from others, written once: evaluated at read time, and as SQL where the batch layer
 * ranks by it. Integers are exact and wide; a null operand makes the result null.
 */
export type Expression = {
  /** The metrics it reads. */
  readonly inputs: readonly string[];
  evaluate(env: Environment): bigint | null;
  /**
   * `column` gives the SQL of a finished metric: an integer, times in UTC milliseconds. With `integer` BIGINT instead of
   * HUGEINT, what 64 bits don't hold is an error of DuckDB, and never another number.
   */
  sql(column: (metric: string) => string, asOf: string, integer?: SqlInteger): string;
};

/** What DuckDB computes in: divisions of 128 bits take it several times as long. */
export type SqlInteger = 'BIGINT' | 'HUGEINT';

export type Environment = { readonly value: (metric: string) => FinishedValue; readonly asOfMs: number };

export const metric = (name: string): Expression => ({
  inputs: [name],
  evaluate: ({ value }) => toInteger(name, value(name)),
  sql: (column, _asOf, integer = 'HUGEINT') => `(${column(name)})::${integer}`,
});

export const whole = (value: number): Expression => ({
  inputs: [],
  evaluate: () => BigInt(value),
  sql: (_column, _asOf, integer = 'HUGEINT') => `${value}::${integer}`,
});

/** The moment an answer speaks of, in UTC milliseconds. */
export const asOf: Expression = {
  inputs: [],
  evaluate: ({ asOfMs }) => BigInt(asOfMs),
  sql: (_column, asOfSql, integer = 'HUGEINT') => `(${asOfSql})::${integer}`,
};

export const plus = (a: Expression, b: Expression): Expression =>
  binary(
    a,
    b,
    (x, y) => x + y,
    (x, y) => `(${x} + ${y})`,
  );

export const times = (a: Expression, b: Expression): Expression =>
  binary(
    a,
    b,
    (x, y) => x * y,
    (x, y) => `(${x} * ${y})`,
  );

/** a ÷ b rounded half away from zero, once; null when b is zero. */
export const dividedBy = (a: Expression, b: Expression): Expression =>
  binary(
    a,
    b,
    (x, y) => (y === 0n ? null : divideRoundHalfAway(x, y)),
    (x, y, integer) =>
      `(CASE WHEN ${y} = 0 THEN NULL ELSE sign(${x}) * sign(${y}) * ((2 * abs(${x}) + abs(${y})) // (2 * abs(${y}))) END)::${integer}`,
  );

/** Whole days from a to b (times), rounded down. */
export const wholeDays = (a: Expression, b: Expression): Expression =>
  binary(
    a,
    b,
    (x, y) => floorDivide(y - x, BigInt(DAY_MS)),
    (x, y) => `(((${y} - ${x}) - (((${y} - ${x}) % ${DAY_MS}) + ${DAY_MS}) % ${DAY_MS}) // ${DAY_MS})`,
  );

function binary(
  a: Expression,
  b: Expression,
  evaluate: (x: bigint, y: bigint) => bigint | null,
  sql: (x: string, y: string, integer: SqlInteger) => string,
): Expression {
  return {
    inputs: [...new Set([...a.inputs, ...b.inputs])],
    evaluate(env) {
      const x = a.evaluate(env);
      const y = b.evaluate(env);
      return x === null || y === null ? null : evaluate(x, y);
    },
    sql: (column, asOfSql, integer = 'HUGEINT') =>
      sql(a.sql(column, asOfSql, integer), b.sql(column, asOfSql, integer), integer),
  };
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

function toInteger(name: string, value: FinishedValue): bigint | null {
  if (value === null || typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  throw new TypeError(`${name} is not a number: nothing can be derived from it`);
}
