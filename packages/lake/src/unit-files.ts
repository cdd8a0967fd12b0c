import type { Definition } from '@tidemark/metrics';
import type { LakeFile } from './manifest.ts';
import type { QuarantinedLine, QuarantineWriter } from './quarantine-file.ts';
import type { RawRecord } from './raw-record.ts';
import type { EventFileWriter, RowFileWriter } from './unit-writer.ts';

/** What a class shows to others, without the class: something else may stand in for it. */
type Face<T> = Pick<T, keyof T>;

export type EventWriter = Face<EventFileWriter>;
export type RowWriter = Face<RowFileWriter>;

/**
 * How records, rows and states become files of the lake, and records again. Parquet, by DuckDB; a simulation keeps them in
 * memory. Files that are read have been verified by the caller.
 */
export type UnitFiles = {
  eventWriter(): Promise<EventWriter>;
  rowWriter(definition: Definition): Promise<RowWriter>;
  quarantineWriter(): Promise<Face<QuarantineWriter>>;
  /** The records of an events file in order; `customerIds`: only theirs, and those that have no customer. */
  records(file: LakeFile, customerIds?: ReadonlySet<string>): AsyncIterable<RawRecord>;
  /** The lines of a quarantine file in order. */
  quarantined(file: LakeFile): AsyncIterable<QuarantinedLine>;
  /** Puts one file with the rows of all under `path`. */
  merge(path: string, files: readonly LakeFile[]): Promise<LakeFile>;
  /** Files a finished local file under `path`. */
  put(path: string, localFile: string, rows: number): Promise<LakeFile>;
  /** Removes a local file that is not to be filed, or was; one that is not there is no error. */
  discard(localFile: string): Promise<void>;
  /** At most `limit` customers of these events files, the same for the same seed. */
  sampleCustomers(files: readonly LakeFile[], limit: number, seed: number): Promise<readonly string[]>;
};
