import type { Field, FieldType, Source } from '../source.ts';

/** A column of the landed rows of a source: name and DuckDB type. */
export type RowColumn = { readonly name: string; readonly type: string };

const FIELD_SQL_TYPES: Readonly<Record<FieldType, string>> = {
  money: 'BIGINT',
  time: 'BIGINT',
  text: 'VARCHAR',
  int: 'INTEGER',
  bool: 'BOOLEAN',
};

/**
 * Where a row stands in the total order of history: imports come first, by number and row, then the log by epoch,
 * partition and offset. `import` is null in rows of the log; `epoch` and `partition` are null in rows of an import,
 * whose `position` is the row's number; in rows of the log it is the offset.
 */
export const ORDER_COLUMNS: readonly RowColumn[] = [
  { name: 'import', type: 'INTEGER' },
  { name: 'epoch', type: 'INTEGER' },
  { name: 'partition', type: 'INTEGER' },
  { name: 'position', type: 'BIGINT' },
];

/** Columns that every source's landed rows begin with. `occurred_at` is UTC milliseconds. */
export const ENVELOPE_COLUMNS: readonly RowColumn[] = [
  ...ORDER_COLUMNS,
  { name: 'customer_id', type: 'VARCHAR' },
  { name: 'event_id', type: 'VARCHAR' },
  { name: 'occurred_at', type: 'BIGINT' },
  { name: 'key', type: 'VARCHAR' },
  { name: 'kind', type: 'VARCHAR' },
];

/** The landed rows of a source: the plus side of every change, typed. Times are UTC ms, money is minor units. */
export const rowColumns = (source: Source): readonly RowColumn[] => [
  ...ENVELOPE_COLUMNS,
  ...source.fields.flatMap((field) => [
    { name: field.name, type: FIELD_SQL_TYPES[field.type] },
    ...(field.optional ? [{ name: presenceColumn(field), type: 'BOOLEAN' }] : []),
  ]),
];

/** The column that says whether an optional field was present in the row. */
export const presenceColumn = (field: Field): string => `${field.name}_present`;
