import type { Column } from '@tidemark/metrics';
import { quoteIdentifier } from '@tidemark/postgres';
import type { StoredState } from '../port.ts';
import { POSTGRES_TYPES } from './column-type.ts';
import { arrayText } from './wire-text.ts';

/** A statement takes this many rows at most, so that none is too long, neither in bytes nor in time. */
const ROWS_PER_STATEMENT = 1000;

/** One column of many rows, carried as one array. */
export type Carried = {
  readonly name: string;
  readonly carrier: string;
  readonly sql: string;
};

export const carried = (name: string, sql: string): Carried => ({ name, carrier: sql, sql });

export function stateColumns(columns: readonly Column[]): readonly Carried[] {
  return columns.map(({ name, type }) => ({
    name,
    carrier: POSTGRES_TYPES[type].carrier,
    sql: POSTGRES_TYPES[type].sql,
  }));
}

/** An insert of any number of rows, one array a column: the same prepared text however many there are. */
export function insertText(table: string, columns: readonly Carried[], onConflict: string): string {
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const values = columns.map(({ sql, carrier }, index) => (sql === carrier ? `r.a${index}` : `r.a${index}::${sql}`));
  const arrays = columns.map(({ carrier }, index) => `$${index + 1}::${carrier}[]`);
  const aliases = columns.map((_, index) => `a${index}`);
  return `INSERT INTO ${table} AS t (${names}) SELECT ${values.join(', ')}
    FROM unnest(${arrays.join(', ')}) AS r(${aliases.join(', ')}) ON CONFLICT ${onConflict}`;
}

export function updateAll(columns: readonly Carried[], keys: readonly string[]): string {
  return columns
    .filter(({ name }) => !keys.includes(name))
    .map(({ name }) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`)
    .join(', ');
}

/** The arrays of the state's columns. A null state is null in every column. */
export function stateArrays(columns: readonly Column[], states: readonly (StoredState | null)[]): readonly string[] {
  return columns.map(({ type }, index) => {
    const { encode } = POSTGRES_TYPES[type];
    return arrayText(
      states.map((state) => {
        const value = state?.[index] ?? null;
        return value === null ? null : encode(value);
      }),
    );
  });
}

/**
 * One row a key, in an order that all writers share, in chunks of one statement each. A statement can't touch a row twice,
 * and two that take the same rows in different orders could wait for each other for ever.
 */
export function* chunksByKey<T>(
  rows: readonly T[],
  keyOf: (row: T) => string,
  wins: (row: T, over: T) => boolean,
  rowsPerStatement = ROWS_PER_STATEMENT,
): Iterable<T[]> {
  const byKey = new Map<string, T>();
  for (const row of rows) {
    const key = keyOf(row);
    const there = byKey.get(key);
    if (there === undefined || wins(row, there)) byKey.set(key, row);
  }
  const ordered = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  for (let at = 0; at < ordered.length; at += rowsPerStatement) yield ordered.slice(at, at + rowsPerStatement);
}
