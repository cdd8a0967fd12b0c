import {
  type DuckDBDataChunk,
  DuckDBDecimal128Vector,
  DuckDBListVector,
  type DuckDBValue,
  type DuckDBVector,
} from '@duckdb/node-api';
import type { Column, ColumnType, ColumnValue } from '@tidemark/metrics';
import type { RecordBatch } from 'apache-arrow';
import { type ColumnValues, columnBatch } from '../arrow-column.ts';

/*
 * States go from DuckDB's vectors to Arrow's columns without an object for each time, list and map: these were two thirds of
 * what a published row cost the engine's thread.
 */

/** The SQL of the vectors that a column is read from: a map's are its keys and its amounts. */
export function vectorsSql(column: string, type: ColumnType): readonly string[] {
  switch (type) {
    case 'timestamp':
      return [`epoch_ms(${column})`];
    case 'text_counts':
    case 'hour_counts':
      return [`map_keys(${column})`, `map_values(${column})`];
    default:
      return [column];
  }
}

/** The rows of a chunk that was selected as the customer's id and each column's `vectorsSql`. */
export function batchOfChunk(columns: readonly Column[], chunk: DuckDBDataChunk): RecordBatch {
  let at = 0;
  const next = (): DuckDBVector => chunk.getColumnVector(at++);
  const ids = itemsOf(next(), String);
  return columnBatch(
    columns,
    ids,
    ids.map(() => false),
    (index) => valuesOf(columns[index]?.type ?? 'text', next),
  );
}

/** Columns are asked for in their order. */
function valuesOf(type: ColumnType, next: () => DuckDBVector): ColumnValues {
  switch (type) {
    case 'varint': {
      const vector = next();
      return rowsOf(vector.itemCount, (row) => scaledValue(vector, row));
    }
    case 'timestamp':
      return itemsOf(next(), (value) => (value === null ? null : Number(value)));
    case 'text_set':
      return gathered(next(), textItem);
    case 'text_counts':
    case 'hour_counts': {
      const { offsets, items: keys } = gathered<string | number>(next(), type === 'text_counts' ? textItem : hourItem);
      return { offsets, keys, amounts: gathered(next(), integerItem).items };
    }
    default:
      return itemsOf(next(), scalar);
  }
}

function itemsOf<T>(vector: DuckDBVector, of: (value: DuckDBValue) => T): T[] {
  return rowsOf(vector.itemCount, (row) => of(vector.getItem(row)));
}

/** By index: `Array.from` goes through an iterator, which takes several times as long. */
function rowsOf<T>(count: number, at: (row: number) => T): T[] {
  const rows: T[] = [];
  for (let row = 0; row < count; row++) rows.push(at(row));
  return rows;
}

/**
 * The items of all lists of a vector, one behind the other: in the vector each list is where its entry says, be that behind the
 * one before or not. No list is null, or the gate would have refused the snapshot.
 */
function gathered<T>(
  lists: DuckDBVector,
  itemAt: (child: DuckDBVector, at: number) => T,
): { readonly offsets: Int32Array; readonly items: readonly T[] } {
  if (!(lists instanceof DuckDBListVector)) throw new TypeError('a column of lists holds none');
  const { childVector } = lists;
  const offsets = new Int32Array(lists.itemCount + 1);
  const items: T[] = [];
  for (let row = 0; row < lists.itemCount; row++) {
    const begin = lists.getEntryOffset(row);
    const end = begin + lists.getEntryLength(row);
    for (let at = begin; at < end; at++) items.push(itemAt(childVector, at));
    offsets[row + 1] = items.length;
  }
  return { offsets, items };
}

const textItem = (vector: DuckDBVector, at: number): string => String(vector.getItem(at));

const hourItem = (vector: DuckDBVector, at: number): number => Number(vector.getItem(at));

const integerItem = (vector: DuckDBVector, at: number): bigint => scaledValue(vector, at) ?? 0n;

function scaledValue(vector: DuckDBVector, at: number): bigint | null {
  if (vector instanceof DuckDBDecimal128Vector) return vector.getScaledValue(at);
  throw new TypeError('a column of wide integers holds no decimals');
}

function scalar(value: DuckDBValue): ColumnValue {
  if (value === null || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'string')
    return value;
  throw new TypeError(`a column of a snapshot holds ${String(value)}`);
}
