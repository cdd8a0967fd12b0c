import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBAppender } from '@duckdb/node-api';
import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import type { LakeFile } from './manifest.ts';
import type { LakeStorage } from './port.ts';

/** Columns as DuckDB names and types. */
export type ParquetColumn = { readonly name: string; readonly type: string };

/** Writes rows into one Parquet file (zstd). Rows gather in DuckDB, which spills beyond its memory limit. */
export class ParquetWriter {
  readonly #session: Session;
  readonly #table: string;
  readonly #appender: DuckDBAppender;
  #rows = 0;

  private constructor(session: Session, table: string, appender: DuckDBAppender) {
    this.#session = session;
    this.#table = table;
    this.#appender = appender;
  }

  static async open(session: Session, columns: readonly ParquetColumn[]): Promise<ParquetWriter> {
    const table = `writing_${randomUUID().replaceAll('-', '')}`;
    const declared = columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
    await session.connection.run(`CREATE TABLE ${table} (${declared})`);
    return new ParquetWriter(session, table, await session.connection.createAppender(table));
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
    const result = await this.#session.connection.run(`DELETE FROM ${this.table} WHERE ${condition}`);
    this.#rows -= result.rowsChanged;
  }

  /** Ends the writer without putting anything. */
  async discard(): Promise<void> {
    this.#appender.closeSync();
    await this.#session.connection.run(`DROP TABLE ${this.#table}`);
  }

  /** Puts the rows under `path` and says what was put; null when there was none. The writer is closed either way. */
  async finish(storage: LakeStorage, path: string, orderBy: string): Promise<LakeFile | null> {
    this.#appender.closeSync();
    try {
      if (this.#rows === 0) return null;
      const local = join(storage.scratchFolder, `${randomUUID()}.parquet`);
      try {
        await this.#session.connection.run(
          `COPY (SELECT * FROM ${this.#table} ORDER BY ${orderBy}) TO ${textLiteral(local)} (FORMAT parquet, COMPRESSION zstd)`,
        );
        return await putParquet(storage, path, local, this.#rows);
      } finally {
        await rm(local, { force: true });
      }
    } finally {
      await this.#session.connection.run(`DROP TABLE ${this.#table}`);
    }
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
