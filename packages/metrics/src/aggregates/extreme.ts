import type { Aggregate } from '../aggregate.ts';
import type { ColumnType } from '../column.ts';
import { scalarAt } from '../state.ts';

type Scalar = bigint | number;

/**
 * The smallest or largest value. It remembers the extreme of what was put in and of what was taken back: when the
 * latter reaches the former, the row that decided may be gone and the value is provisional until the next generation.
 */
export const extreme = (kind: 'min' | 'max', type: ColumnType): Aggregate => {
  const reaches = kind === 'max' ? (a: Scalar, b: Scalar) => a >= b : (a: Scalar, b: Scalar) => a <= b;
  const further = (a: Scalar | null, b: Scalar | null) => (a === null ? b : b === null || reaches(a, b) ? a : b);
  return {
    kind,
    exact: false,
    columns: (measure) => [
      { name: measure, type },
      { name: `${measure}_taken`, type },
    ],
    zero: () => [null, null],
    add(state, at, input, sign) {
      if (typeof input.value !== 'bigint' && typeof input.value !== 'number') {
        throw new TypeError(`${kind} takes money, a time or an integer`);
      }
      const column = sign === 1 ? at : at + 1;
      state[column] = further(scalarAt(state, column), input.value);
    },
    merge(into, at, from) {
      into[at] = further(scalarAt(into, at), scalarAt(from, at));
      into[at + 1] = further(scalarAt(into, at + 1), scalarAt(from, at + 1));
    },
    finish(state, at) {
      const value = scalarAt(state, at);
      const taken = scalarAt(state, at + 1);
      return { value, provisional: taken !== null && (value === null || reaches(taken, value)) };
    },
    sql: ({ value, filter }) => {
      const found = `${kind}(${value}) FILTER (WHERE ${filter})`;
      return [type === 'timestamp' ? `make_timestamp_ms(${found})` : found, 'NULL'];
    },
    scoreSql: (measure) => (type === 'timestamp' ? `epoch_ms(${measure})` : measure),
  };
};
