import type { Aggregate, Input, SqlInput } from '../aggregate.ts';
import type { ColumnType } from '../column.ts';
import { bigintAt } from '../state.ts';

/** Exact integer sum of a money or integer field, in minor units, wider than its inputs. */
export const sum: Aggregate = additive('sum', 'varint', amountOf, ({ value, filter }) => [
  `coalesce(sum(${value}) FILTER (WHERE ${filter}), 0)::HUGEINT`,
]);

/** Number of rows. */
export const count: Aggregate = additive(
  'count',
  'int64',
  () => 1n,
  ({ filter }) => [`(count(*) FILTER (WHERE ${filter}))::BIGINT`],
);

/** The amount a row adds to a sum. */
export function amountOf(input: Input): bigint {
  if (typeof input.value === 'bigint') return input.value;
  if (typeof input.value === 'number') return BigInt(input.value);
  throw new TypeError(`a sum takes money or an integer, not ${typeof input.value}`);
}

function additive(
  kind: 'sum' | 'count',
  type: ColumnType,
  amount: (input: Input) => bigint,
  sql: (input: SqlInput) => readonly string[],
): Aggregate {
  return {
    kind,
    exact: true,
    columns: (measure) => [{ name: measure, type }],
    zero: () => [0n],
    add(state, at, input, sign) {
      state[at] = sign === 1 ? bigintAt(state, at) + amount(input) : bigintAt(state, at) - amount(input);
    },
    merge(into, at, from) {
      into[at] = bigintAt(into, at) + bigintAt(from, at);
    },
    finish: (state, at) => ({ value: bigintAt(state, at), provisional: false }),
    sql,
    scoreSql: (measure) => measure,
  };
}
