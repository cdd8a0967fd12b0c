import { textLiteral } from '@tidemark/duckdb';
import {
  EVENT_FILE_COLUMNS,
  eventFileValues,
  type ParquetColumn,
  type ParquetValue,
  rowFileColumns,
  rowFileValues,
} from '@tidemark/lake';
import { EVENTS_PER_ROW } from './event-stage.ts';
import type { ImportSource } from './import-source.ts';
import { fieldColumn } from './mapped-lines.ts';
import type { Mapping } from './mapping.ts';
import {
  fieldVariable,
  HIGHEST_VALUES,
  INNER_VALUES,
  LOWEST_VALUES,
  type ValueSet,
  type Variable,
} from './plain-value.ts';
import { type RowEvent, rowEvents, rowIdentity, rowIdSql } from './row-reader.ts';

/** Columns beside the fields of a row: its line in the file, and its id. */
export const FIRST_LINE = 'first_line';
export const ROW_ID = 'row_id';

/** What the rows of a class share: of `text` and `int` fields the value, of the others whether there is one. */
export type RowClass = ReadonlyMap<string, string | boolean | null>;

/** SQL of what a plain row of a class becomes, over the fields of the row and `first_line`. */
export type RowTemplate = {
  readonly id: string;
  /** Of each event, also over `row_id`. */
  readonly events: readonly EventTemplate[];
};

/** `event`: in the columns of the events file. `row`: in those of the rows of `source`. */
export type EventTemplate = {
  readonly source: string;
  readonly event: readonly string[];
  readonly row: readonly string[];
};

export type TemplateContext = {
  readonly source: ImportSource;
  readonly fields: Mapping['fields'];
  readonly currency: string;
  /** Of the file. */
  readonly sha256: string;
};

/**
 * How SQL makes events of the plain rows of a class. Nothing is known here of events: a row of values that can be told apart
 * goes the way of all rows, and where they come out, each row's own are put. Null where that is not certain: the row is
 * turned away, its values come out in another way when they are others, or those at an end of what is plain are refused.
 *
 * It holds as long as contracts judge each of the plain values for itself, and none by its relation to another.
 */
export function rowTemplate(context: TemplateContext, rowClass: RowClass): RowTemplate | null {
  const [inner, highest] = [INNER_VALUES, HIGHEST_VALUES].map((values) => templateOf(context, rowClass, values));
  if (!inner || JSON.stringify(inner) !== JSON.stringify(highest)) return null;
  return templateOf(context, rowClass, LOWEST_VALUES) && inner;
}

/** Where the row's id stands among the values: behind all fields. */
const ID_PLACE = 90;

function templateOf(context: TemplateContext, rowClass: RowClass, values: ValueSet): RowTemplate | null {
  const { source, fields, currency, sha256 } = context;
  const { line } = values;
  const row: Record<string, string> = {};
  const variables: Variable[] = [text(String(line), `${FIRST_LINE}::VARCHAR`)];
  fields.forEach((field, place) => {
    const shared = rowClass.get(field.name);
    if (typeof shared === 'string') row[field.name] = shared;
    if (shared !== true) return;
    const variable = fieldVariable(field, place, values, currency);
    if (variable === null) return;
    row[field.name] = variable.text;
    variables.push(variable);
  });
  const id = row.event_id ?? values.id(ID_PLACE);
  const { events, rejected } = rowEvents(source.events(row, id), currency);
  if (rejected) return null;
  const identity = rowIdentity(source, row, { sha256, line });
  return {
    id: row.event_id === undefined ? rowIdSql(textSql(identity, variables)) : fieldColumn('event_id'),
    events: events.map((event, index) => eventTemplate(event, line, index, [text(id, ROW_ID), ...variables])),
  };
}

const text = (value: string, sql: string): Variable => ({ text: value, textSql: sql, value: null, valueSql: sql });

function eventTemplate(
  { value, parsed }: RowEvent,
  line: number,
  index: number,
  variables: readonly Variable[],
): EventTemplate {
  const place = { row: line * EVENTS_PER_ROW + index };
  const position = `${FIRST_LINE} * ${EVENTS_PER_ROW} + ${index}`;
  const all = [...variables, { ...text(String(place.row), position), value: BigInt(place.row) }];
  const { source, values } = rowFileValues(place, parsed.event);
  return {
    source: source.name,
    event: columnsSql(EVENT_FILE_COLUMNS, eventFileValues({ place, key: null, value, timestampMs: null, parsed }), all),
    row: columnsSql(rowFileColumns(source), values, all),
  };
}

const columnsSql = (
  columns: readonly ParquetColumn[],
  values: readonly ParquetValue[],
  variables: readonly Variable[],
): readonly string[] => columns.map(({ type }, index) => columnSql(type, values[index] ?? null, variables));

function columnSql(type: string, value: ParquetValue, variables: readonly Variable[]): string {
  if (value === null) return `NULL::${type}`;
  if (typeof value === 'string') return textSql(value, variables);
  if (value instanceof Uint8Array) return `encode(${textSql(Buffer.from(value).toString(), variables)})`;
  const same = typeof value === 'boolean' ? undefined : variables.find((each) => each.value === BigInt(value));
  return same?.valueSql ?? `${value}::${type}`;
}

/** A text with what differs in it put where it stands. */
function textSql(given: string, variables: readonly Variable[]): string {
  let pieces: readonly (string | Variable)[] = [given];
  for (const variable of variables) {
    pieces = pieces.flatMap((piece) =>
      typeof piece === 'string'
        ? piece.split(variable.text).flatMap((part, nth) => (nth === 0 ? [part] : [variable, part]))
        : [piece],
    );
  }
  const parts = pieces.flatMap((piece) => {
    if (piece === '') return [];
    return [typeof piece === 'string' ? textLiteral(piece) : piece.textSql];
  });
  const [only = "''"] = parts;
  return parts.length <= 1 ? only : `concat(${parts.join(', ')})`;
}
