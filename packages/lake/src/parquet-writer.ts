import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import { tellingFullDisk } from './full-disk.ts';
import type { LakeFile } from './manifest.ts';
import type { LakeStorage } from './port.ts';

/** The lowest level makes events no larger than the usual one, in three quarters of the time. */
const COMPRESSION = 'COMPRESSION zstd, COMPRESSION_LEVEL 1';

/** Columns as DuckDB names and types. */
export type ParquetColumn = { readonly name: string; readonly type: string };

/** A value of a column: a bigint where it is BIGINT, a number where it is INTEGER, bytes where it is BLOB. */
export type ParquetValue = string | number | bigint | boolean | Uint8Array | null;

/**
 * Writes rows into one Parquet file (zstd). Rows are appended one by one, which gather in DuckDB and spill beyond its memory
 * limit, or as queries, which are asked when the file is written.
 */
export class ParquetWriter {
  readonly #connection: DuckDBConnection;
  readonly #table: string;
  readonly #appender: DuckDBAppender;
  readonly #orderBy: string;
  /** Where the column stands that the file is ordered by. */
  readonly #orderAt: number;
  /** Whether the session writes rows as they stand in what it reads: then what ascends is not sorted. */
  readonly #isOrderKept: boolean;
  #appended = 0;
  #lastAppended: ParquetValue = null;
  #ascends = true;
  #queries: readonly string[] = [];
  readonly #removed: string[] = [];
  #open = true;

  private constructor(
    connection: DuckDBConnection,
    table: string,
    appender: DuckDBAppender,
    order: { readonly by: string; readonly at: number; readonly isKept: boolean },
  ) {
    this.#connection = connection;
    this.#table = table;
    this.#appender = appender;
    this.#orderBy = order.by;
    this.#orderAt = order.at;
    this.#isOrderKept = order.isKept;
  }

  /**
   * The file will ascend by the column `orderBy`. The writer has a connection of its own, so that appending and other queries
   * of the session keep out of each other's way.
   */
  static async open(session: Session, columns: readonly ParquetColumn[], orderBy: string): Promise<ParquetWriter> {
    const connection = await session.connect();
    const table = `writing_${randomUUID().replaceAll('-', '')}`;
    const declared = columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
    await connection.run(`CREATE TABLE ${table} (${declared})`);
    const kept = await connection.runAndReadAll("SELECT current_setting('preserve_insertion_order')");
    const at = columns.findIndex(({ name }) => name === orderBy);
    const order = { by: orderBy, at, isKept: kept.getRows()[0]?.[0] === true };
    return new ParquetWriter(connection, table, await connection.createAppender(table), order);
  }

  /** Appends one row: a value for every column, in order. */
  append(values: readonly ParquetValue[]): void {
    for (const value of values) appendValue(this.#appender, value);
    this.#appender.endRow();
    this.#appended++;
    const place = values[this.#orderAt] ?? null;
    if (this.#lastAppended !== null && (place === null || place < this.#lastAppended)) this.#ascends = false;
    this.#lastAppended = place;
  }

  /**
   * Appends the rows of a query of the session: its columns are the file's, in order, and its rows ascend by what the file is
   * ordered by. It is asked whenever the rows are looked at, so what it reads must stay until the writer has ended.
   */
  appendQuery(sql: string): void {
    this.#queries = [...this.#queries, sql];
  }

  /** The rows appended so far, as a relation of the session. */
  get relation(): string {
    this.#appender.flushSync();
    const tables = this.#appended > 0 || this.#queries.length === 0 ? [`SELECT * FROM ${this.#table}`] : [];
    return `(${[...tables, ...this.#queries].join(' UNION ALL ')})`;
  }

  /** Takes back the rows whose `position` is among those that a SQL query gives. */
  async remove(positions: string): Promise<void> {
    if (this.#appended > 0) {
      this.#appender.flushSync();
      const result = await this.#connection.run(`DELETE FROM ${this.#table} WHERE position IN (${positions})`);
      this.#appended -= result.rowsChanged;
    }
    if (this.#queries.length === 0) return;
    const removed = `${this.#table}_removed_${this.#removed.length}`;
    await this.#connection.run(`CREATE TABLE ${removed} AS SELECT position FROM (${positions}) AS removed(position)`);
    this.#removed.push(removed);
    this.#queries = this.#queries.map((sql) => `SELECT * FROM (${sql}) ANTI JOIN ${removed} USING (position)`);
  }

  /** Puts the rows under `path` and says what was put; null when there was none. The writer is closed either way. */
  async finish(storage: LakeStorage, path: string): Promise<LakeFile | null> {
    const local = join(storage.scratchFolder, `${randomUUID()}.parquet`);
    try {
      if (this.#appended === 0 && this.#queries.length === 0) return null;
      const order = this.#isOrdered ? '' : ` ORDER BY ${this.#orderBy}`;
      const copy = `COPY (SELECT * FROM ${this.relation}${order}) TO ${textLiteral(local)} (FORMAT parquet, ${COMPRESSION})`;
      const { rowsChanged } = await tellingFullDisk(() => this.#connection.run(copy));
      return rowsChanged === 0 ? null : await putParquet(storage, path, local, rowsChanged);
    } finally {
      await rm(local, { force: true });
      await this.discard();
    }
  }

  /** A query keeps its order alone: other rows come beside it, and a join may lose it. */
  get #isOrdered(): boolean {
    if (!this.#isOrderKept) return false;
    if (this.#queries.length === 0) return this.#ascends;
    return this.#appended === 0 && this.#queries.length === 1 && this.#removed.length === 0;
  }

  /** Ends the writer without putting anything; without effect once it has ended. */
  async discard(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#appender.closeSync();
    for (const table of [this.#table, ...this.#removed]) await this.#connection.run(`DROP TABLE ${table}`);
    this.#connection.closeSync();
  }
}

function appendValue(to: DuckDBAppender, value: ParquetValue): void {
  if (value === null) to.appendNull();
  else if (typeof value === 'string') to.appendVarchar(value);
  else if (typeof value === 'bigint') to.appendBigInt(value);
  else if (typeof value === 'number') to.appendInteger(value);
  else if (typeof value === 'boolean') to.appendBoolean(value);
  else to.appendBlob(value);
}

/** Hashes a finished local file, then makes it durable under `path`. */
export async function putParquet(
  storage: LakeStorage,
  path: string,
  localFile: string,
  rows: number,
): Promise<LakeFile> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(localFile, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const { size } = await stat(localFile);
  await storage.put(path, localFile);
  return { path, sha256: hash.digest('hex'), bytes: size, rows };
}
