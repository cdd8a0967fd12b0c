/**
 * The types a state is stored in. Adapters map each to their own column type and give back exactly what was put in.
 *
 * | type          | in memory                        | PostgreSQL    | DuckDB / Parquet      |
 * |---------------|----------------------------------|---------------|-----------------------|
 * | `int64`       | bigint, never null               | bigint        | BIGINT                |
 * | `varint`      | bigint of up to 38 digits or null | numeric(38,0) | DECIMAL(38,0)         |
 * | `int32`       | integer or null                  | integer       | INTEGER               |
 * | `timestamp`   | UTC milliseconds or null         | timestamptz   | TIMESTAMP (micros)    |
 * | `text`        | string or null                   | text          | VARCHAR               |
 * | `text_set`    | strings, ascending by UTF-8      | text[]        | VARCHAR[]             |
 * | `text_counts` | text → bigint, never zero        | jsonb         | MAP(VARCHAR, DECIMAL(38,0)) |
 * | `hour_counts` | hours since 1970 → bigint, never zero | jsonb    | MAP(INTEGER, DECIMAL(38,0)) |
 */
export type ColumnType =
  | 'int64'
  | 'varint'
  | 'int32'
  | 'timestamp'
  | 'text'
  | 'text_set'
  | 'text_counts'
  | 'hour_counts';

/** A value of a column, by its type as the table above says. */
export type ColumnValue =
  | bigint
  | number
  | string
  | null
  | readonly string[]
  | ReadonlyMap<string, bigint>
  | ReadonlyMap<number, bigint>;

/** One typed storage column of a state. Names are lower-case identifiers, safe in every store. */
export type Column = { readonly name: string; readonly type: ColumnType };
