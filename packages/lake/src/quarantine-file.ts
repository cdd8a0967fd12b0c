import { randomUUID } from 'node:crypto';
import type { Session } from '@tidemark/duckdb';
import type { LakeFile } from './manifest.ts';
import { type ParquetColumn, ParquetWriter } from './parquet-writer.ts';
import type { LakeStorage } from './port.ts';

/** A line of an import that did not become an event, as it was, and why. */
export type QuarantinedLine = {
  /** Where it began in the file, from 1; in a Parquet file its row. */
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  readonly raw: Uint8Array;
};

/** Columns of the quarantine files. */
export const QUARANTINE_FILE_COLUMNS: readonly ParquetColumn[] = [
  { name: 'line', type: 'BIGINT' },
  { name: 'code', type: 'VARCHAR' },
  { name: 'reason', type: 'VARCHAR' },
  { name: 'raw', type: 'BLOB' },
];

/** Writes the lines of one import that were turned away. */
export class QuarantineWriter {
  readonly #storage: LakeStorage;
  readonly #writer: ParquetWriter;

  private constructor(storage: LakeStorage, writer: ParquetWriter) {
    this.#storage = storage;
    this.#writer = writer;
  }

  static async open(storage: LakeStorage, session: Session): Promise<QuarantineWriter> {
    return new QuarantineWriter(storage, await ParquetWriter.open(session, QUARANTINE_FILE_COLUMNS, 'line'));
  }

  append({ line, code, reason, raw }: QuarantinedLine): void {
    this.#writer.append([BigInt(line), code, reason, raw]);
  }

  discard(): Promise<void> {
    return this.#writer.discard();
  }

  finish(): Promise<LakeFile | null> {
    return this.#writer.finish(this.#storage, `quarantine/${randomUUID()}.parquet`);
  }
}
