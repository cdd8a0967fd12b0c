import type { Column, ColumnType, ColumnValue } from '../column.ts';

/**
 * DuckDB's type for each column type, in snapshots and in results. Wide integers are decimals: Parquet has no 128-bit
 * integer, and DuckDB would write one as a double.
 */
export const DUCKDB_TYPES: Readonly<Record<ColumnType, string>> = {
  int64: 'BIGINT',
  varint: 'DECIMAL(38, 0)',
  int32: 'INTEGER',
  timestamp: 'TIMESTAMP',
  text: 'VARCHAR',
  text_set: 'VARCHAR[]',
  text_counts: 'MAP(VARCHAR, DECIMAL(38, 0))',
  hour_counts: 'MAP(INTEGER, DECIMAL(38, 0))',
};

/** The zero of an aggregate's column, for customers without rows in its source. */
export function zeroSql(column: Column, zero: ColumnValue | undefined): string {
  const type = DUCKDB_TYPES[column.type];
  if (typeof zero === 'bigint') return `${zero}::${type}`;
  if (zero === null) return `NULL::${type}`;
  if (Array.isArray(zero) && zero.length === 0) return `[]::${type}`;
  if (zero instanceof Map && zero.size === 0) return `MAP {}::${type}`;
  throw new TypeError(`column ${column.name} has a zero that SQL cannot write`);
}
