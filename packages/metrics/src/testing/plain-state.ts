import type { ColumnValue } from '../column.ts';

/** A state as JSON that is equal when, and only when, the states are: bigints as `1n`, maps as sorted entries. */
export function plainState(state: readonly ColumnValue[]): unknown {
  return state.map((value) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (!(value instanceof Map)) return value;
    const entries = [...value].map(([key, amount]: [string | number, bigint]) => [key, `${amount}n`] as const);
    return { entries: entries.sort(([a], [b]) => (a < b ? -1 : 1)) };
  });
}
