import { join } from 'node:path';
import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import { EVENT_FILE_COLUMNS, type ParquetColumn, rowFileColumns } from '@tidemark/lake';
import type { Definition } from '@tidemark/metrics';
import type { Writers } from './event-stage.ts';
import { fieldColumn } from './mapped-lines.ts';
import { PLAIN, ROWS } from './mapped-rows.ts';
import type { MappedField, Mapping } from './mapping.ts';
import { timeColumn, timeTextSql } from './plain-value.ts';
import {
  type EventTemplate,
  FIRST_LINE,
  ROW_ID,
  type RowClass,
  type RowTemplate,
  rowTemplate,
  type TemplateContext,
} from './row-template.ts';

/** More classes than this are not worth a template each: the rows of the rarest are read one by one. */
const MAX_CLASSES = 100;

const CLASS = 'class';

/** Where plain rows are on their way from one session to the other, in the folder of the import. */
export const plainRowsFile = (folder: string): string => join(folder, 'plain-rows.parquet');

/** `condition`: SQL of which rows were staged. */
export type PlainRows = { readonly rows: number; readonly condition: string };

/** A class with the SQL condition that tells its rows, and what becomes of them. */
type StagedClass = { readonly condition: string; readonly template: RowTemplate };

/**
 * Turns plain rows into events by SQL, as templates have it, and gives them to the lake's writers as queries over
 * `plainRowsFile`, which the session must be allowed to write, and which must stay until the writers have ended. All other
 * rows are left to `stageEvents`.
 */
export async function stagePlainRows(
  session: Session,
  mapping: Mapping,
  definition: Definition,
  given: { readonly sha256: string; readonly folder: string },
  writers: Writers,
): Promise<PlainRows> {
  const { source, fields } = mapping;
  if (source === null) return NONE;
  const context = { source, fields, currency: definition.currency, sha256: given.sha256 };
  const classes = await stagedClasses(session, context);
  if (classes.length === 0) return NONE;
  const classSql = `CASE ${classes.map(({ condition }, nth) => `WHEN ${condition} THEN ${nth}`).join(' ')} END`;
  const path = plainRowsFile(given.folder);
  const variables = fields.filter(({ kind }) => isVariable(kind));
  const times = variables.filter(({ kind }) => kind === 'time');
  const inner = [
    '*',
    `${classSql} AS ${CLASS}`,
    ...times.map(({ name }) => `${timeTextSql(name)} AS ${timeColumn(name)}`),
  ];
  const outer = [
    ...[FIRST_LINE, CLASS, `${byClass(classes.map(({ template }, nth) => [nth, template.id]))} AS ${ROW_ID}`],
    ...variables.map(({ name }) => fieldColumn(name)),
    ...times.map(({ name }) => timeColumn(name)),
  ];
  const order = (await isAscending(session)) ? '' : ` ORDER BY ${FIRST_LINE}`;
  const { rowsChanged } = await session.connection.run(
    `COPY (SELECT ${outer.join(', ')} FROM (SELECT ${inner.join(', ')} FROM ${ROWS} WHERE ${PLAIN})
       WHERE ${CLASS} IS NOT NULL${order}) TO ${textLiteral(path)} (FORMAT parquet, COMPRESSION lz4, USE_TMP_FILE false)`,
  );
  if (rowsChanged > 0) appendQueries(writers, definition, classes, path);
  return { rows: rowsChanged, condition: `${PLAIN} AND ${classSql} IS NOT NULL` };
}

const NONE: PlainRows = { rows: 0, condition: 'false' };

const isVariable = (kind: MappedField['kind']): boolean => kind !== 'text' && kind !== 'int';

/** The most frequent classes of plain rows that have a template. */
async function stagedClasses(session: Session, context: TemplateContext): Promise<readonly StagedClass[]> {
  const { fields } = context;
  const shared = fields.map(({ name, kind }) =>
    isVariable(kind) ? `${fieldColumn(name)} IS NOT NULL` : fieldColumn(name),
  );
  const found = await session.connection.runAndReadAll(
    `SELECT ${shared.join(', ')} FROM ${ROWS} WHERE ${PLAIN} GROUP BY ALL ORDER BY count(*) DESC LIMIT ${MAX_CLASSES}`,
  );
  return found.getRows().flatMap((values) => {
    const rowClass: RowClass = new Map(
      fields.map(({ name }, index) => {
        const value = values[index];
        return [name, typeof value === 'boolean' || typeof value === 'string' ? value : null];
      }),
    );
    const template = rowTemplate(context, rowClass);
    return template === null ? [] : [{ condition: conditionOf(rowClass), template }];
  });
}

function conditionOf(rowClass: RowClass): string {
  const conditions = [...rowClass].map(([name, value]) => {
    const column = fieldColumn(name);
    if (typeof value === 'string') return `${column} = ${textLiteral(value)}`;
    return value === true ? `${column} IS NOT NULL` : `${column} IS NULL`;
  });
  return conditions.join(' AND ');
}

/** Rows are as the file has them unless something gathered or joined them. */
async function isAscending(session: Session): Promise<boolean> {
  const sql = `SELECT bool_and(${FIRST_LINE} > before) IS DISTINCT FROM false
    FROM (SELECT ${FIRST_LINE}, lag(${FIRST_LINE}) OVER () AS before FROM ${ROWS})`;
  const [[ascends] = []] = (await session.connection.runAndReadAll(sql)).getRows();
  return ascends === true;
}

/** For the first and for the second events of rows a query each, and for their rows one for each source. */
function appendQueries(writers: Writers, definition: Definition, classes: readonly StagedClass[], path: string): void {
  const most = Math.max(...classes.map(({ template }) => template.events.length));
  for (let index = 0; index < most; index++) {
    const events = classes.flatMap(({ template }, nth): [number, EventTemplate][] => {
      const event = template.events[index];
      return event ? [[nth, event]] : [];
    });
    const query = (of: typeof events, columns: readonly ParquetColumn[], part: 'event' | 'row') => {
      const selected = columns.map(
        ({ name }, at) =>
          `${byClass(of.map(([nth, event]) => [nth, event[part][at] ?? 'NULL']))} AS ${identifier(name)}`,
      );
      const where = of.length === classes.length ? '' : ` WHERE ${CLASS} IN (${of.map(([nth]) => nth).join(', ')})`;
      return `SELECT ${selected.join(', ')} FROM read_parquet(${textLiteral(path)})${where}`;
    };
    writers.events.appendQuery(query(events, EVENT_FILE_COLUMNS, 'event'));
    for (const source of definition.sources) {
      const own = events.filter(([, event]) => event.source === source.name);
      if (own.length > 0) writers.rows.appendQuery(source.name, query(own, rowFileColumns(source), 'row'));
    }
  }
}

/** What depends on the class; where it is the same in all, it does not. */
function byClass(values: readonly (readonly [number, string])[]): string {
  const [first] = values;
  if (first && values.every(([, sql]) => sql === first[1])) return first[1];
  return `CASE ${CLASS} ${values.map(([nth, sql]) => `WHEN ${nth} THEN ${sql}`).join(' ')} END`;
}
