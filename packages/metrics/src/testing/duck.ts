import {
  BIGINT,
  BOOLEAN,
  DECIMAL,
  type DuckDBConnection,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  LIST,
  MAP,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api';
import type { HistoryRecord } from '@tidemark/oracle';
import type { Column, ColumnType, ColumnValue } from '../column.ts';
import type { Definition } from '../definition.ts';
import type { FieldValue } from '../source.ts';
import { expand } from '../sources.ts';
import { DUCKDB_TYPES } from '../sql/column-sql.ts';
import { recomputeSql } from '../sql/recompute.ts';
import { presenceColumn, rowColumns } from '../sql/row-columns.ts';
import type { State } from '../state.ts';

const WIDE = DECIMAL(38, 0);
const wide = (value: bigint) => new DuckDBDecimalValue(value, 38, 0);

const COLUMN_TYPES: Readonly<Record<ColumnType, DuckDBType>> = {
  int64: BIGINT,
  varint: WIDE,
  int32: INTEGER,
  timestamp: TIMESTAMP,
  text: VARCHAR,
  text_set: LIST(VARCHAR),
  text_counts: MAP(VARCHAR, WIDE),
  hour_counts: MAP(INTEGER, WIDE),
};
const ROW_TYPES: Readonly<Record<string, DuckDBType>> = { BIGINT, BOOLEAN, INTEGER, VARCHAR };

/** A DuckDB in memory: many histories are loaded into one session, because a session costs more than a history. */
export class Duck {
  readonly connection: DuckDBConnection;

  private constructor(connection: DuckDBConnection) {
    this.connection = connection;
  }

  static async open(): Promise<Duck> {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: '1GB',
      threads: '1',
      autoinstall_known_extensions: 'false',
    });
    return new Duck(await instance.connect());
  }

  close(): void {
    this.connection.closeSync();
  }

  /** What the recompute makes of `records`, by customer. */
  async recompute(
    definition: Definition,
    records: readonly HistoryRecord[],
    barrierAtMs: number,
  ): Promise<Map<string, State>> {
    for (const source of definition.sources) {
      const columns = rowColumns(source);
      const ofSource = records.filter(({ event }) => expand(event).source.name === source.name);
      const rows = ofSource.map((record) =>
        landed(
          record,
          columns.map(({ name }) => name),
        ),
      );
      await this.#fill(
        `landed_${source.name}`,
        columns.map(({ name, type }) => ({ name, sql: type, type: ROW_TYPES[type] ?? VARCHAR })),
        rows,
      );
    }
    for (const { name, sql } of recomputeSql(definition, barrierAtMs)) {
      await this.connection.run(sql);
      // Whatever reads a source a second time fails.
      const scanned = definition.sources.find((source) => name === `scan ${source.name}`);
      if (scanned) await this.connection.run(`DROP TABLE landed_${scanned.name}`);
    }
    return this.#readStates(definition.columns, 'states');
  }

  /** Stores states in the columns' own types and reads them back. */
  async roundTrip(columns: readonly Column[], states: ReadonlyMap<string, State>): Promise<Map<string, State>> {
    const rows = [...states].map(([id, state]) => [id, ...state.map((value, at) => stored(columns[at]?.type, value))]);
    const stateColumns = columns.map(({ name, type }) => ({ name, sql: DUCKDB_TYPES[type], type: COLUMN_TYPES[type] }));
    await this.#fill('stored', [{ name: 'customer_id', sql: 'VARCHAR', type: VARCHAR }, ...stateColumns], rows);
    return this.#readStates(columns, 'stored');
  }

  async #fill(
    table: string,
    columns: readonly { readonly name: string; readonly sql: string; readonly type: DuckDBType }[],
    rows: readonly (readonly DuckDBValue[])[],
  ): Promise<void> {
    await this.connection.run(
      `CREATE TABLE ${table} (${columns.map(({ name, sql }) => `"${name}" ${sql}`).join(', ')})`,
    );
    const appender = await this.connection.createAppender(table);
    for (const row of rows) {
      for (const [at, { type }] of columns.entries()) appender.appendValue(row[at] ?? null, type);
      appender.endRow();
    }
    appender.closeSync();
  }

  async #readStates(columns: readonly Column[], table: string): Promise<Map<string, State>> {
    const names = columns.map(({ name }) => name).join(', ');
    const reader = await this.connection.runAndReadAll(`SELECT customer_id, ${names} FROM ${table}`);
    return new Map(reader.getRows().map(([id, ...values]) => [String(id), values.map(inMemory)]));
  }
}

function landed(record: HistoryRecord, columns: readonly string[]): DuckDBValue[] {
  const { event } = record;
  const { source, key, kind, plus } = expand(event);
  const isImport = record.source === 'import';
  const values: Record<string, FieldValue> = {
    ...plus,
    ...Object.fromEntries(source.fields.map((field) => [presenceColumn(field), plus[field.name] !== undefined])),
    import: isImport ? record.number : null,
    epoch: isImport ? null : record.epoch,
    partition: isImport ? null : record.partition,
    position: isImport ? BigInt(record.row) : record.offset,
    customer_id: event.customer_id,
    event_id: event.event_id,
    occurred_at: event.occurred_at,
    key,
    kind,
  };
  const isTime = new Set([
    'occurred_at',
    ...source.fields.filter(({ type }) => type === 'time').map(({ name }) => name),
  ]);
  return columns.map((name) => {
    const value = values[name];
    return isTime.has(name) && typeof value === 'number' ? BigInt(value) : (value ?? null);
  });
}

function stored(type: ColumnType | undefined, value: ColumnValue): DuckDBValue {
  if (value instanceof Map) {
    return new DuckDBMapValue([...value].map(([key, amount]: [DuckDBValue, bigint]) => ({ key, value: wide(amount) })));
  }
  if (type === 'varint' && typeof value === 'bigint') return wide(value);
  if (type === 'timestamp' && typeof value === 'number') return new DuckDBTimestampValue(BigInt(value) * 1_000n);
  if (value === null || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (Array.isArray(value)) return new DuckDBListValue(value);
  throw new TypeError('not a column value');
}

function inMemory(value: DuckDBValue): ColumnValue {
  if (value === null || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (value instanceof DuckDBDecimalValue) return value.value;
  if (value instanceof DuckDBTimestampValue) return Number(value.micros / 1_000n);
  if (value instanceof DuckDBListValue) return value.items.map(String);
  if (!(value instanceof DuckDBMapValue)) throw new TypeError(`no column holds ${String(value)}`);
  const byText = new Map<string, bigint>();
  const byHour = new Map<number, bigint>();
  for (const { key, value: amount } of value.entries) {
    if (!(amount instanceof DuckDBDecimalValue)) throw new TypeError('amounts are decimals');
    if (typeof key === 'number') byHour.set(key, amount.value);
    else byText.set(String(key), amount.value);
  }
  return byHour.size > 0 ? byHour : byText;
}
