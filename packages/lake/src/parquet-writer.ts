import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import { tellingFullDisk } from './full-disk.ts';
import type { LakeFile } from './manifest.ts';
import type { LakeStorage } from './port.ts';

/** Columns as DuckDB names and types. */
export type ParquetColumn = { readonly name: string; readonly type: string };

/** Writes rows into one Parquet file (zstd). Rows gather in DuckDB, which spills beyond its memory limit. */
export class ParquetWriter {
  readonly #connection: DuckDBConnection;
  readonly #table: string;
  readonly #appender: DuckDBAppender;
  #rows = 0;
  #open = true;

  private constructor(connection: DuckDBConnection, table: string, appender: DuckDBAppender) {
    this.#connection = connection;
    this.#table = table;
    this.#appender = appender;
  }

  /** The writer has a connection of its own, so that appending and other queries of the session keep out of each other's way. */
  static async open(session: Session, columns: readonly ParquetColumn[]): Promise<ParquetWriter> {
    const connection = await session.connect();
    const table = `writing_${randomUUID().replaceAll('-', '')}`;
    const declared = columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
    await connection.run(`CREATE TABLE ${table} (${declared})`);
    return new ParquetWriter(connection, table, await connection.createAppender(table));
  }

  get rows(): number {
    return this.#rows;
  }

  /** Appends one row; `fill` appends a value for every column in order. */
  append(fill: (appender: DuckDBAppender) => void): void {
    fill(this.#appender);
    this.#appender.endRow();
    this.#rows++;
  }

  /** The rows appended so far, as a table of the session. */
  get table(): string {
    this.#appender.flushSync();
    return this.#table;
  }

  /** Takes back the rows for which the SQL condition holds. */
  async remove(condition: string): Promise<void> {
    const result = await this.#connection.run(`DELETE FROM ${this.table} WHERE ${condition}`);
    this.#rows -= result.rowsChanged;
  }

  /** Puts the rows under `path` and says what was put; null when there was none. The writer is closed either way. */
  async finish(storage: LakeStorage, path: string, orderBy: string): Promise<LakeFile | null> {
    const local = join(storage.scratchFolder, `${randomUUID()}.parquet`);
    try {
      if (this.#rows === 0) return null;
      const copy = `COPY (SELECT * FROM ${this.table} ORDER BY ${orderBy}) TO ${textLiteral(local)} (FORMAT parquet, COMPRESSION zstd)`;
      await tellingFullDisk(() => this.#connection.run(copy));
      return await putParquet(storage, path, local, this.#rows);
    } finally {
      await rm(local, { force: true });
      await this.discard();
    }
  }

  /** Ends the writer without putting anything; without effect once it has ended. */
  async discard(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#appender.closeSync();
    await this.#connection.run(`DROP TABLE ${this.#table}`);
    this.#connection.closeSync();
  }
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
