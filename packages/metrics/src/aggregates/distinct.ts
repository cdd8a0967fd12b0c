import type { Aggregate } from '../aggregate.ts';
import { setAt } from '../state.ts';
import { EMPTY_SET, insert, intersects, union } from '../text-set.ts';

/**
 * Number of different values of a text field, exactly: the state is the set itself. A value taken back stays in the
 * set (another row may hold it) and makes the count provisional.
 */
export const distinct: Aggregate = {
  kind: 'distinct',
  exact: false,
  columns: (measure) => [
    { name: measure, type: 'text_set' },
    { name: `${measure}_taken`, type: 'text_set' },
  ],
  zero: () => [EMPTY_SET, EMPTY_SET],
  add(state, at, input, sign) {
    if (typeof input.value !== 'string') throw new TypeError('distinct takes a text field');
    const column = sign === 1 ? at : at + 1;
    state[column] = insert(setAt(state, column), input.value);
  },
  merge(into, at, from) {
    into[at] = union(setAt(into, at), setAt(from, at));
    into[at + 1] = union(setAt(into, at + 1), setAt(from, at + 1));
  },
  finish(state, at) {
    const values = setAt(state, at);
    return { value: BigInt(values.length), provisional: intersects(values, setAt(state, at + 1)) };
  },
  sql: ({ value, filter }) => [
    `coalesce(list_sort(list_distinct(list(${value}) FILTER (WHERE ${filter}))), []::VARCHAR[])`,
    '[]::VARCHAR[]',
  ],
  scoreSql: (measure) => `len(${measure})`,
};
