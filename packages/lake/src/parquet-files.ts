import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBBlobValue } from '@duckdb/node-api';
import { type Session, textListLiteral, textLiteral } from '@tidemark/duckdb';
import type { Definition } from '@tidemark/metrics';
import { LakeError } from './error.ts';
import { tellingFullDisk } from './full-disk.ts';
import type { LakeFile } from './manifest.ts';
import { putParquet } from './parquet-writer.ts';
import type { LakeStorage } from './port.ts';
import { type QuarantinedLine, QuarantineWriter } from './quarantine-file.ts';
import type { Place, RawRecord } from './raw-record.ts';
import type { UnitFiles } from './unit-files.ts';
import { EventFileWriter, RowFileWriter } from './unit-writer.ts';

/** The lake's files as Parquet, written and read by DuckDB. */
export class ParquetFiles implements UnitFiles {
  readonly #storage: LakeStorage;
  readonly #session: Session;

  constructor(storage: LakeStorage, session: Session) {
    this.#storage = storage;
    this.#session = session;
  }

  eventWriter(): Promise<EventFileWriter> {
    return EventFileWriter.open(this.#storage, this.#session);
  }

  rowWriter(definition: Definition): Promise<RowFileWriter> {
    return RowFileWriter.open(this.#storage, this.#session, definition);
  }

  quarantineWriter(): Promise<QuarantineWriter> {
    return QuarantineWriter.open(this.#storage, this.#session);
  }

  async *records({ path }: LakeFile, customerIds?: ReadonlySet<string>): AsyncGenerator<RawRecord> {
    // Rejected records have no customer under the rules of their landing; other rules may find one.
    const where = customerIds
      ? `WHERE customer_id IS NULL OR customer_id IN (${[...customerIds].map(textLiteral).join(', ')})`
      : '';
    const rows = this.#rows(`epoch, partition, position, raw FROM ${this.#read(path)} ${where} ORDER BY position`);
    for await (const [epoch, partition, position, raw] of rows) {
      if (typeof position !== 'bigint' || !(raw instanceof DuckDBBlobValue))
        throw new LakeError('TIDEMARK_LAKE_DAMAGED', `${path} holds a record without a position or bytes.`);
      const place: Place =
        typeof epoch === 'number' && typeof partition === 'number'
          ? { epoch, partition, offset: position }
          : { row: Number(position) };
      yield { place, value: raw.bytes };
    }
  }

  async *quarantined({ path }: LakeFile): AsyncGenerator<QuarantinedLine> {
    const rows = this.#rows(`line, code, reason, raw FROM ${this.#read(path)} ORDER BY line`);
    for await (const [line, code, reason, raw] of rows) {
      if (!(raw instanceof DuckDBBlobValue))
        throw new LakeError('TIDEMARK_LAKE_DAMAGED', `${path} holds a line without its bytes.`);
      yield { line: Number(line), code: String(code), reason: String(reason), raw: raw.bytes };
    }
  }

  async merge(path: string, files: readonly LakeFile[]): Promise<LakeFile> {
    const local = join(this.#storage.scratchFolder, `${randomUUID()}.parquet`);
    const locations = textListLiteral(files.map((file) => this.#storage.locate(file.path)));
    try {
      const copy = `COPY (SELECT * FROM read_parquet(${locations})) TO ${textLiteral(local)} (FORMAT parquet, COMPRESSION zstd)`;
      await tellingFullDisk(() => this.#session.connection.run(copy));
      const rows = files.reduce((total, file) => total + file.rows, 0);
      return await this.put(path, local, rows);
    } finally {
      await this.discard(local);
    }
  }

  discard(localFile: string): Promise<void> {
    return rm(localFile, { force: true });
  }

  put(path: string, localFile: string, rows: number): Promise<LakeFile> {
    return putParquet(this.#storage, path, localFile, rows);
  }

  /** Chosen by a hash of their id and the seed. */
  async sampleCustomers(files: readonly LakeFile[], limit: number, seed: number): Promise<readonly string[]> {
    const locations = textListLiteral(files.map(({ path }) => this.#storage.locate(path)));
    const rows = await this.#session.connection.runAndReadAll(
      `SELECT DISTINCT customer_id FROM read_parquet(${locations}) WHERE customer_id IS NOT NULL
       ORDER BY hash(customer_id, ${seed}), customer_id LIMIT ${limit}`,
    );
    return rows.getRows().map(([customerId]) => String(customerId));
  }

  #read(path: string): string {
    return `read_parquet(${textLiteral(this.#storage.locate(path))})`;
  }

  /** A stream of its own connection: appending elsewhere in the session would end it. */
  async *#rows(select: string): AsyncGenerator<readonly unknown[]> {
    const connection = await this.#session.connect();
    try {
      const result = await connection.stream(`SELECT ${select}`);
      for await (const rows of result.yieldRows()) yield* rows;
    } finally {
      connection.closeSync();
    }
  }
}
