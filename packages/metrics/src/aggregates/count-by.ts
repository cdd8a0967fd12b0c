import type { Aggregate } from '../aggregate.ts';
import { textCountsAt } from '../state.ts';
import { addTo, mergeCounts } from './counts.ts';

/** Number of rows by the value of a text field. */
export const countBy: Aggregate = {
  kind: 'count',
  exact: true,
  columns: (measure) => [{ name: measure, type: 'text_counts' }],
  zero: () => [new Map<string, bigint>()],
  add(state, at, input, sign) {
    if (typeof input.value !== 'string') throw new TypeError('count by takes a text field');
    state[at] = addTo(textCountsAt(state, at), input.value, BigInt(sign));
  },
  merge(into, at, from) {
    into[at] = mergeCounts(textCountsAt(into, at), textCountsAt(from, at));
  },
  finish: (state, at) => ({ value: textCountsAt(state, at), provisional: false }),
  sql: ({ value, filter }) => [
    `coalesce(histogram(${value}) FILTER (WHERE ${filter}), MAP {})::MAP(VARCHAR, DECIMAL(38, 0))`,
  ],
  scoreSql: () => null,
};
