import { createHash } from 'node:crypto';
import { DuckDBBlobValue } from '@duckdb/node-api';
import { parse } from '@tidemark/contracts';
import { type Session, textListLiteral, textLiteral } from '@tidemark/duckdb';
import type { Definition } from '@tidemark/metrics';
import { LakeError } from './error.ts';
import {
  type ExpandedRows,
  type LakeFile,
  type LandedHead,
  type LandedImport,
  type LandedRange,
  Manifest,
} from './manifest.ts';
import { putParquet } from './parquet-writer.ts';
import type { LakeStorage } from './port.ts';
import { type QuarantinedLine, QuarantineWriter } from './quarantine-file.ts';
import type { Place, RawRecord } from './raw-record.ts';
import { EventFileWriter, RowFileWriter } from './unit-writer.ts';

/** What a generation covers: offsets below each partition's barrier, imports up to a number. */
export type LakeCut = { readonly partitions: ReadonlyMap<number, bigint>; readonly imports: number };

/** The expanded rows of a cut: for each source the files to read, each verified, and the import each belongs to. */
export type RowFiles = ReadonlyMap<
  string,
  readonly { readonly location: string; readonly import: number | null; readonly rows: number }[]
>;

/**
 * The master dataset: every record as it came, and the rows expanded from them. Files are immutable and known by the
 * manifest alone; each is verified against its hash before it is used.
 */
export class Lake {
  readonly #storage: LakeStorage;
  readonly #session: Session;
  readonly #manifest: Manifest;

  constructor(storage: LakeStorage, session: Session) {
    this.#storage = storage;
    this.#session = session;
    this.#manifest = new Manifest(storage);
  }

  /** How far each partition has been landed; a partition never landed is not in the map. */
  async heads(): Promise<ReadonlyMap<number, LandedHead>> {
    return new Map((await this.#manifest.ranges()).map((range) => [range.partition, range.head]));
  }

  ranges(): Promise<readonly LandedRange[]> {
    return this.#manifest.ranges();
  }

  imports(): Promise<readonly LandedImport[]> {
    return this.#manifest.imports();
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

  /** The lines that an import turned away, in the file's order; the file is verified first. */
  async *quarantined({ quarantine }: LandedImport): AsyncGenerator<QuarantinedLine> {
    if (!quarantine) return;
    await this.#verify(quarantine);
    const connection = await this.#session.connect();
    try {
      const result = await connection.stream(
        `SELECT line, code, reason, raw FROM read_parquet(${textLiteral(this.#storage.locate(quarantine.path))}) ORDER BY line`,
      );
      for await (const rows of result.yieldRows()) {
        for (const [line, code, reason, raw] of rows) {
          if (!(raw instanceof DuckDBBlobValue)) {
            throw new LakeError('TIDEMARK_LAKE_DAMAGED', `${quarantine.path} holds a line without its bytes.`);
          }
          yield { line: Number(line), code: String(code), reason: String(reason), raw: raw.bytes };
        }
      }
    } finally {
      connection.closeSync();
    }
  }

  /**
   * Makes a landed range part of history. Throws `TIDEMARK_LAKE_RACE` when another lander was first: what was written
   * here does not exist then, and the caller goes on from the new head.
   */
  async commitRange(definition: Definition, range: LandedRange, rows: ExpandedRows): Promise<void> {
    if (!(await this.#manifest.putRange(range))) {
      throw new LakeError(
        'TIDEMARK_LAKE_RACE',
        `Another process landed partition ${range.partition} from offset ${range.start} first.`,
        {
          retryable: true,
        },
      );
    }
    await this.#manifest.putRows(definition.sourcesId, range, rows);
  }

  /** Makes an import part of history. To be called under the lock that freezes a run's cut. */
  async commitImport(definition: Definition, entry: LandedImport, rows: ExpandedRows): Promise<void> {
    if (!(await this.#manifest.putImport(entry))) {
      throw new LakeError('TIDEMARK_LAKE_RACE', `Import number ${entry.number} is taken.`, { retryable: true });
    }
    await this.#manifest.putRows(definition.sourcesId, entry, rows);
  }

  /** The highest barrier number anywhere in the landed history; 0 when there is none. */
  async highestGeneration(): Promise<number> {
    return Math.max(
      0,
      ...(await this.#manifest.ranges()).flatMap(({ barriers }) => barriers.map(({ generation }) => generation)),
    );
  }

  /** The rows of everything the cut covers, under a definition's sources; what was not expanded yet is, from the raw events. */
  async rowFiles(definition: Definition, cut: LakeCut): Promise<RowFiles> {
    const files = new Map<string, { location: string; import: number | null; rows: number }[]>();
    for (const unit of await this.#covered(cut)) {
      const rows = (await this.#manifest.rows(definition.sourcesId, unit)) ?? (await this.#expand(definition, unit));
      for (const [source, file] of Object.entries(rows.files)) {
        await this.#verify(file);
        const list = files.get(source) ?? [];
        list.push({
          location: this.#storage.locate(file.path),
          import: 'number' in unit ? unit.number : null,
          rows: file.rows,
        });
        files.set(source, list);
      }
    }
    return files;
  }

  /** Every record of a range or import as bytes, in order; the file is verified first. */
  async *records(unit: LandedRange | LandedImport, customerIds?: ReadonlySet<string>): AsyncGenerator<RawRecord> {
    if (!unit.file) return;
    await this.#verify(unit.file);
    // Rejected records have no customer under the rules of their landing; other rules may find one.
    const where = customerIds
      ? `WHERE customer_id IS NULL OR customer_id IN (${[...customerIds].map(textLiteral).join(', ')})`
      : '';
    // A stream of its own connection: appending elsewhere in the session would end it.
    const connection = await this.#session.connect();
    try {
      const result = await connection.stream(
        `SELECT epoch, partition, position, raw FROM read_parquet(${textLiteral(this.#storage.locate(unit.file.path))}) ${where} ORDER BY position`,
      );
      for await (const rows of result.yieldRows()) {
        for (const [epoch, partition, position, raw] of rows) {
          if (typeof position !== 'bigint' || !(raw instanceof DuckDBBlobValue)) {
            throw new LakeError(
              'TIDEMARK_LAKE_DAMAGED',
              `${unit.file.path} holds a record without a position or bytes.`,
            );
          }
          const place: Place =
            typeof epoch === 'number' && typeof partition === 'number'
              ? { epoch, partition, offset: position }
              : { row: Number(position) };
          yield { place, value: raw.bytes };
        }
      }
    } finally {
      connection.closeSync();
    }
  }

  /** At most `limit` customers of the whole history, chosen by a hash of their id and the seed: the same for the same seed. */
  async sampleCustomers(limit: number, seed: number): Promise<readonly string[]> {
    const units = [...(await this.#manifest.imports()), ...(await this.#manifest.ranges())];
    const files = units.flatMap(({ file }) => (file ? [this.#storage.locate(file.path)] : []));
    if (files.length === 0) return [];
    const rows = await this.#session.connection.runAndReadAll(
      `SELECT DISTINCT customer_id FROM read_parquet(${textListLiteral(files)}) WHERE customer_id IS NOT NULL
       ORDER BY hash(customer_id, ${seed}), customer_id LIMIT ${limit}`,
    );
    return rows.getRows().map(([customerId]) => String(customerId));
  }

  /** Files a finished local Parquet file of states under a definition's generation. */
  async putSnapshot(definitionId: string, generation: number, localFile: string, rows: number): Promise<LakeFile> {
    return putParquet(this.#storage, snapshotPath(definitionId, generation), localFile, rows);
  }

  /** Where the engine finds a snapshot; throws when it is gone or damaged. */
  async openSnapshot(definitionId: string, generation: number, sha256: string): Promise<string> {
    const path = snapshotPath(definitionId, generation);
    await this.#verify({ path, sha256, bytes: 0, rows: 0 });
    return this.#storage.locate(path);
  }

  async removeSnapshot(definitionId: string, generation: number): Promise<void> {
    await this.#storage.remove(snapshotPath(definitionId, generation));
  }

  /** A local folder for files in the making. */
  get scratchFolder(): string {
    return this.#storage.scratchFolder;
  }

  async #covered(cut: LakeCut): Promise<readonly (LandedRange | LandedImport)[]> {
    const ranges = (await this.#manifest.ranges()).filter(
      ({ partition, start }) => start < (cut.partitions.get(partition) ?? 0n),
    );
    for (const { partition, start, head } of ranges) {
      const end = cut.partitions.get(partition) ?? 0n;
      // A range ends with the barrier that the cut names or before it: landing never crosses a barrier.
      if (head.end > end + 1n) {
        throw new LakeError(
          'TIDEMARK_LAKE_MANIFEST',
          `The landed range of partition ${partition} from ${start} crosses the cut at ${end}.`,
        );
      }
    }
    const imports = (await this.#manifest.imports()).filter(({ number }) => number <= cut.imports);
    return [...imports, ...ranges];
  }

  async #expand(definition: Definition, unit: LandedRange | LandedImport): Promise<ExpandedRows> {
    const writer = await this.rowWriter(definition);
    try {
      for await (const { place, value } of this.records(unit)) {
        const parsed = parse(value, { currency: definition.currency });
        if (parsed.ok) writer.append(place, parsed.event);
      }
      const rows = await writer.finish();
      await this.#manifest.putRows(definition.sourcesId, unit, rows);
      return rows;
    } finally {
      await writer.discard();
    }
  }

  async #verify(file: LakeFile): Promise<void> {
    const hash = createHash('sha256');
    for await (const chunk of this.#storage.chunks(file.path)) hash.update(chunk);
    if (hash.digest('hex') === file.sha256) return;
    throw new LakeError(
      'TIDEMARK_LAKE_DAMAGED',
      `The lake's file ${file.path} is not the one that was written: its SHA-256 differs. Restore it from a backup; nothing was computed from it.`,
    );
  }
}

const snapshotPath = (definitionId: string, generation: number): string =>
  `snapshots/${definitionId}/${generation}.parquet`;
