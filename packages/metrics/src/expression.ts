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
  /** `column` gives the SQL of a finished metric: an integer, times in UTC milliseconds. */
  sql(column: (metric: string) => string, asOf: string): string;
};

export type Environment = { readonly value: (metric: string) => FinishedValue; readonly asOfMs: number };

export const metric = (name: string): Expression => ({
  inputs: [name],
  evaluate: ({ value }) => toInteger(name, value(name)),
  sql: (column) => `(${column(name)})::HUGEINT`,
});

export const whole = (value: number): Expression => ({
  inputs: [],
  evaluate: () => BigInt(value),
  sql: () => `${value}::HUGEINT`,
});

/** The moment an answer speaks of, in UTC milliseconds. */
export const asOf: Expression = {
  inputs: [],
  evaluate: ({ asOfMs }) => BigInt(asOfMs),
  sql: (_column, asOfSql) => `(${asOfSql})::HUGEINT`,
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
    (x, y) =>
      `(CASE WHEN ${y} = 0 THEN NULL ELSE sign(${x}) * sign(${y}) * ((2 * abs(${x}) + abs(${y})) // (2 * abs(${y}))) END)::HUGEINT`,
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
  sql: (x: string, y: string) => string,
): Expression {
  return {
    inputs: [...new Set([...a.inputs, ...b.inputs])],
    evaluate(env) {
      const x = a.evaluate(env);
      const y = b.evaluate(env);
      return x === null || y === null ? null : evaluate(x, y);
    },
    sql: (column, asOfSql) => sql(a.sql(column, asOfSql), b.sql(column, asOfSql)),
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
