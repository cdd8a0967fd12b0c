import type { Aggregate, Input, SqlInput } from '../aggregate.ts';
import { hourCountsAt } from '../state.ts';
import { floorHour, windowStartHour } from '../window.ts';
import { amountOf } from './additive.ts';
import { addTo, mergeCounts } from './counts.ts';

/** Number of rows within the last `days`: hour buckets, so that the window slides at read time without a rerun. */
export const hourlyCount = (days: number): Aggregate =>
  hourly(
    'count',
    days,
    () => 1n,
    ({ hour, filter, oldestHour }) => [
      `coalesce(histogram(${hour}::INTEGER) FILTER (WHERE ${filter} AND ${hour} > ${oldestHour}), MAP {})::MAP(INTEGER, DECIMAL(38, 0))`,
    ],
  );

/** Sum of a field within the last `days`. */
export const hourlySum = (days: number): Aggregate =>
  hourly('sum', days, amountOf, ({ value, hour, filter, oldestHour }) => {
    const rows = `list({h: ${hour}::INTEGER, v: ${value}::HUGEINT}) FILTER (WHERE ${filter} AND ${hour} > ${oldestHour})`;
    const hours = `list_sort(list_distinct(list_transform(${rows}, lambda e: e.h)))`;
    const total = `list_sum(list_transform(list_filter(${rows}, lambda e: e.h = k), lambda e: e.v))`;
    const entries = `list_filter(list_transform(${hours}, lambda k: {k: k, v: ${total}}), lambda e: e.v <> 0)`;
    return [`coalesce(map_from_entries(${entries}), MAP {})::MAP(INTEGER, DECIMAL(38, 0))`];
  });

function hourly(
  kind: 'sum' | 'count',
  days: number,
  amount: (input: Input) => bigint,
  sql: (input: SqlInput) => readonly string[],
): Aggregate {
  return {
    kind,
    exact: true,
    columns: (measure) => [{ name: `${measure}_by_hour`, type: 'hour_counts' }],
    zero: () => [new Map<number, bigint>()],
    add(state, at, input, sign) {
      if (input.hour === null) throw new TypeError('a windowed aggregate needs the row’s hour');
      state[at] = addTo(hourCountsAt(state, at), input.hour, sign === 1 ? amount(input) : -amount(input));
    },
    merge(into, at, from) {
      into[at] = mergeCounts(hourCountsAt(into, at), hourCountsAt(from, at));
    },
    finish(state, at, asOfMs) {
      const start = windowStartHour(floorHour(asOfMs), days);
      let total = 0n;
      for (const [hour, amountOfHour] of hourCountsAt(state, at)) if (hour > start) total += amountOfHour;
      return { value: total, provisional: false };
    },
    sql,
    scoreSql(measure, asOfHour) {
      const hours = `${measure}_by_hour`;
      const inside = `list_filter(map_entries(${hours}), lambda e: e.key > ${windowStartHour(asOfHour, days)})`;
      // Most customers have no such hour: DuckDB is done with theirs in half the time when it is told so.
      return `CASE WHEN cardinality(${hours}) = 0 THEN 0
        ELSE coalesce(list_sum(list_transform(${inside}, lambda e: e.value)), 0) END`;
    },
  };
}
