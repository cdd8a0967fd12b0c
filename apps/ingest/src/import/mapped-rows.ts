import type { Session } from '@tidemark/duckdb';
import type { FieldKind } from './import-source.ts';
import { fieldColumn, LINES } from './mapped-lines.ts';
import type { MappedField, Mapping } from './mapping.ts';
import { plainSql } from './plain-value.ts';

/**
 * The table of rows: `first_line`, `lines`, `rejected` (code and reason), the fields as an event takes them, and whether
 * all of them are `plain`.
 */
export const ROWS = 'rows';

/** Its column that says whether SQL may make events of a row. */
export const PLAIN = 'plain';

/**
 * Makes rows of the mapped lines: one for each, or with `groupBy` one for all lines of a value. Amounts are summed
 * exactly and rounded once, half away from zero, to `digits`; of times the earliest counts. A row whose lines differ in
 * anything else, or of which one line can't be read, is rejected whole. Lines without the value are rows of their own.
 * `exact`: amounts that need no rounding where they are not summed.
 */
export async function makeRows(
  session: Session,
  mapping: Mapping,
  digits: number,
  exact: ReadonlySet<string>,
): Promise<void> {
  const { fields, groupBy } = mapping;
  const plain = ['rejected IS NULL', ...fields.flatMap(({ name, kind }) => plainSql(name, kind) ?? [])].join(' AND ');
  await session.connection.run(
    `CREATE TABLE ${ROWS} AS SELECT *, ${plain} AS ${PLAIN}
     FROM (${groupBy === null ? singleLines(fields, digits, exact) : groupedLines(fields, groupBy, digits)})`,
  );
}

function singleLines(fields: readonly MappedField[], digits: number, exact: ReadonlySet<string>): string {
  const columns = fields.map(({ name, kind }) => {
    const column = fieldColumn(name);
    return `${exact.has(name) ? `${column}::VARCHAR` : finished(kind, column, digits)} AS ${column}`;
  });
  return `SELECT line AS first_line, 1 AS lines, rejected, ${columns.join(', ')} FROM ${LINES}`;
}

function groupedLines(fields: readonly MappedField[], groupBy: string, digits: number): string {
  const group = fieldColumn(groupBy);
  const columns = fields.map(
    ({ name, kind }) => `${gathered(kind, fieldColumn(name), digits)} AS ${fieldColumn(name)}`,
  );
  return `SELECT min(line) AS first_line, count(*) AS lines,
      coalesce(
        arg_min([rejected[1], rejected[2] || ' (line ' || line || ')'], line) FILTER (rejected IS NOT NULL),
        CASE ${fields.flatMap(disagreement).join(' ')} END) AS rejected,
      ${columns.join(', ')}
    FROM ${LINES} GROUP BY ${group}, CASE WHEN ${group} IS NULL THEN line END`;
}

/** SQL of the pairs (`first_line` of a row, `line`) for the rows of a relation that has `first_line`. */
export function linesOfRows(mapping: Mapping, rows: string): string {
  if (mapping.groupBy === null) return `SELECT first_line, first_line AS line FROM ${rows}`;
  const group = fieldColumn(mapping.groupBy);
  const joined = `${rows} JOIN ${ROWS} AS r USING (first_line)`;
  return `SELECT first_line, line FROM ${joined} JOIN ${LINES} AS l ON r.${group} = l.${group}
    UNION ALL SELECT first_line, first_line AS line FROM ${joined} WHERE r.${group} IS NULL`;
}

/** One line's value as the event takes it. */
function finished(kind: FieldKind, sql: string, digits: number): string {
  return kind === 'money' ? `round(${sql}, ${digits})::DECIMAL(38, ${digits})::VARCHAR` : sql;
}

/** The value of several lines. */
function gathered(kind: FieldKind, sql: string, digits: number): string {
  if (kind === 'money') return finished(kind, `sum(${sql})`, digits);
  return kind === 'time' ? `min(${sql})` : `any_value(${sql})`;
}

/** A missing value is a value: lines with and without it disagree. */
function disagreement({ name, kind }: MappedField): readonly string[] {
  const column = fieldColumn(name);
  const partly = `count(${column}) NOT IN (0, count(*))`;
  const differ = kind === 'money' || kind === 'time' ? partly : `${partly} OR min(${column}) <> max(${column})`;
  return [`WHEN ${differ} THEN ['lines_disagree', '${name}: its lines differ']`];
}
