import type { Session } from '@tidemark/duckdb';
import type { ColumnProfile } from './expression.ts';
import { INPUT, textColumn } from './input-table.ts';

/** A decimal as people and databases write it: digits, a point, a sign in front. Space around it is no part of it. */
export const PLAIN_DECIMAL_SQL = String.raw`'\s*[+-]?(\d+\.?\d*|\.\d+)\s*'`;

/** Digits before the point without leading zeros, and after it, of a plain decimal. */
export const wholeDigitsSql = (sql: string): string =>
  String.raw`length(regexp_extract(${sql}, '^\s*[+-]?0*(\d*)', 1))`;
export const fractionDigitsSql = (sql: string): string => String.raw`length(regexp_extract(${sql}, '\.(\d*)', 1))`;

const MAX_WIDTH = 38;

/** Looks at every value of the columns at these places of the input table. */
export async function profileColumns(
  session: Session,
  indexes: readonly number[],
): Promise<ReadonlyMap<number, ColumnProfile>> {
  const profiles = new Map<number, ColumnProfile>();
  if (indexes.length === 0) return profiles;
  const facts = indexes.map((index) => {
    const column = textColumn(index);
    const other = `FILTER (NOT regexp_full_match(${column}, ${PLAIN_DECIMAL_SQL}))`;
    return `max(${wholeDigitsSql(column)}), max(${fractionDigitsSql(column)}), min(line) ${other}, arg_min(${column}, line) ${other}`;
  });
  const sql = `SELECT ${facts.join(', ')} FROM ${INPUT} WHERE bytes IS NULL`;
  const [row = []] = (await session.connection.runAndReadAll(sql)).getRows();
  indexes.forEach((index, nth) => {
    const [whole, fraction, line, value] = row.slice(nth * 4, nth * 4 + 4);
    const scale = Number(fraction ?? 0);
    const width = Math.max(Number(whole ?? 0) + scale, 1);
    const isDecimal = line === null && width <= MAX_WIDTH;
    const notDecimal =
      line === null
        ? `its values need ${width} digits, and ${MAX_WIDTH} is the most`
        : `line ${line} has ${JSON.stringify(value)}, which is no plain decimal`;
    profiles.set(index, { decimal: isDecimal ? { width, scale } : null, notDecimal });
  });
  return profiles;
}
