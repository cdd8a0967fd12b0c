import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { textListLiteral } from '@tidemark/duckdb';
import {
  type ChangeKind,
  type Field,
  type FieldValue,
  type HistoryPlace,
  historySql,
  presenceColumn,
  rowColumns,
  type Source,
} from '@tidemark/metrics';
import { EngineError } from '../error.ts';
import type { HistoryRequest, HistoryRow } from '../port.ts';
import { definitionOf, landedIn, viewLanded } from './landed-rows.ts';

/** Every landed row of the customers asked for. */
export async function histories(connection: DuckDBConnection, request: HistoryRequest): Promise<readonly HistoryRow[]> {
  const definition = definitionOf(request.currency, request.definitionId);
  await viewLanded(connection, definition, landedIn(request.rows));
  const customers = textListLiteral(request.customerIds);
  const found: HistoryRow[] = [];
  for (const source of definition.sources) {
    const columns = rowColumns(source).map(({ name }) => name);
    const rows = (await connection.runAndReadAll(historySql(source, customers))).getRows();
    for (const values of rows)
      found.push(historyRow(source, new Map(columns.map((name, at) => [name, values[at] ?? null]))));
  }
  return found;
}

function historyRow(source: Source, values: ReadonlyMap<string, DuckDBValue>): HistoryRow {
  const row: Record<string, FieldValue> = {};
  for (const field of source.fields) row[field.name] = fieldValue(field, values);
  return {
    customerId: String(values.get('customer_id')),
    source: source.name,
    place: placeOf(values),
    event: { event_id: String(values.get('event_id')), occurred_at: Number(values.get('occurred_at')) },
    key: String(values.get('key')),
    kind: kindOf(values.get('kind')),
    row,
  };
}

function placeOf(values: ReadonlyMap<string, DuckDBValue>): HistoryPlace {
  const number = values.get('import');
  const position = values.get('position');
  if (number !== null) return { source: 'import', number: Number(number), row: Number(position) };
  if (typeof position !== 'bigint') throw damaged('position', position);
  return {
    source: 'log',
    epoch: Number(values.get('epoch')),
    partition: Number(values.get('partition')),
    offset: position,
  };
}

function kindOf(kind: DuckDBValue | undefined): ChangeKind {
  if (kind === 'placed' || kind === 'changed' || kind === 'cancelled') return kind;
  throw damaged('kind', kind);
}

function fieldValue(field: Field, values: ReadonlyMap<string, DuckDBValue>): FieldValue {
  const value = values.get(field.name) ?? null;
  if (field.optional && values.get(presenceColumn(field)) !== true) return undefined;
  if (value === null) return null;
  switch (field.type) {
    case 'money':
      if (typeof value === 'bigint') return value;
      break;
    case 'time':
      if (typeof value === 'bigint') return Number(value);
      break;
    case 'int':
      if (typeof value === 'number') return value;
      break;
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'bool':
      if (typeof value === 'boolean') return value;
      break;
  }
  throw damaged(field.name, value);
}

const damaged = (column: string, value: DuckDBValue | undefined): EngineError =>
  new EngineError('TIDEMARK_ENGINE_FAILED', `A landed row holds ${String(value)} in ${column}.`);
