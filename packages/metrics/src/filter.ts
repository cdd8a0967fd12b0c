import type { Field, FieldRef, Row } from './source.ts';

/** A condition on one row, written once: `test` is what the fold asks, `sql` what the engine asks. Never null. */
export type Filter = {
  readonly test: (row: Row) => boolean;
  readonly sql: string;
};

export const isTrue = ({ field }: FieldRef): Filter => ({
  test: (row) => row[field.name] === true,
  sql: `coalesce(${column(field)}, FALSE)`,
});

export const isNull = ({ field }: FieldRef): Filter => ({
  test: (row) => row[field.name] === null,
  sql: `(${column(field)} IS NULL)`,
});

export const oneOf = ({ field }: FieldRef, ...values: readonly string[]): Filter => ({
  test: (row) => values.some((value) => row[field.name] === value),
  sql: `coalesce(${column(field)} IN (${values.map(quoted).join(', ')}), FALSE)`,
});

export const not = (filter: Filter): Filter => ({
  test: (row) => !filter.test(row),
  sql: `(NOT ${filter.sql})`,
});

/** A field's column in the consolidated rows, and in the landed ones. */
export const column = (field: Field): string => `"${field.name}"`;

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
