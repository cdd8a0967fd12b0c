import { createHash, randomUUID } from 'node:crypto';
import { parse } from '@tidemark/contracts';
import type { Session } from '@tidemark/duckdb';
import type { Definition } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import { LakeError } from './error.ts';
import {
  type ExpandedRows,
  type LakeFile,
  type LandedHead,
  type LandedImport,
  type LandedRange,
  Manifest,
  othersBelow,
  type RowSegment,
} from './manifest.ts';
import { ParquetFiles } from './parquet-files.ts';
import type { LakeStorage } from './port.ts';
import type { QuarantinedLine } from './quarantine-file.ts';
import type { RawRecord } from './raw-record.ts';
import type { EventWriter, RowWriter, UnitFiles } from './unit-files.ts';

/** Segments of a level that are merged into one of the next. */
const SEGMENTS_PER_LEVEL = 8;

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
  readonly #files: UnitFiles;
  readonly #manifest: Manifest;

  /** With a session of DuckDB its files are Parquet. */
  constructor(storage: LakeStorage, files: Session | UnitFiles) {
    this.#storage = storage;
    this.#files = 'connect' in files ? new ParquetFiles(storage, files) : files;
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

  eventWriter(): Promise<EventWriter> {
    return this.#files.eventWriter();
  }

  rowWriter(definition: Definition): Promise<RowWriter> {
    return this.#files.rowWriter(definition);
  }

  quarantineWriter(): ReturnType<UnitFiles['quarantineWriter']> {
    return this.#files.quarantineWriter();
  }

  /** The lines that an import turned away, in the file's order; the file is verified first. */
  async *quarantined({ quarantine }: LandedImport): AsyncGenerator<QuarantinedLine> {
    if (!quarantine) return;
    await this.#verify(quarantine);
    yield* this.#files.quarantined(quarantine);
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
    reached('land: events filed');
    await this.#manifest.putRows(definition.sourcesId, range, rows);
  }

  /** Makes an import part of history. To be called under the lock that freezes a run's cut. */
  async commitImport(definition: Definition, entry: LandedImport, rows: ExpandedRows): Promise<void> {
    if (!(await this.#manifest.putImport(entry))) {
      throw new LakeError('TIDEMARK_LAKE_RACE', `Import number ${entry.number} is taken.`, { retryable: true });
    }
    reached('import: events filed');
    await this.#manifest.putRows(definition.sourcesId, entry, rows);
  }

  /** The highest barrier number anywhere in the landed history; 0 when there is none. */
  async highestGeneration(): Promise<number> {
    return Math.max(
      0,
      ...(await this.#manifest.ranges()).flatMap(({ barriers }) => barriers.map(({ generation }) => generation)),
    );
  }

  /**
   * The rows of everything the cut covers, under a definition's sources. They are derived: what was not expanded yet, or was
   * damaged since, is expanded from the raw events. `onDamaged` is told of each file that was.
   */
  async rowFiles(
    definition: Definition,
    cut: LakeCut,
    onDamaged: (damage: LakeError) => void = () => {},
  ): Promise<RowFiles> {
    const files = new Map<string, { location: string; import: number | null; rows: number }[]>();
    const add = (named: Readonly<Record<string, LakeFile>>, number: number | null) => {
      for (const [source, file] of Object.entries(named)) {
        const location = this.#storage.locate(file.path);
        files.set(source, [...(files.get(source) ?? []), { location, import: number, rows: file.rows }]);
      }
    };
    for (const landed of await this.#manifest.imports()) {
      if (landed.number <= cut.imports) add((await this.#rowsOf(definition, landed, onDamaged)).files, landed.number);
    }
    const { segments, ranges } = await this.#wholeSegments(definition, cut, onDamaged);
    for (const segment of segments) add(segment.files, null);
    for (const range of ranges) add((await this.#rowsOf(definition, range, onDamaged)).files, null);
    return files;
  }

  /**
   * Merges the small files of rows that the cut covers, once there are `atFiles`, into one for each source: a segment.
   * Eight segments of a level become one of the next, so that there are few however long a system runs. Rows are derived,
   * so what was merged is removed; the raw events stay as they are. Only for the holder of the right to run: nobody else
   * may be reading the rows. Answers how many files it merged.
   */
  async mergeRows(definition: Definition, cut: LakeCut, atFiles: number): Promise<number> {
    const { sourcesId } = definition;
    await this.#removeMerged(sourcesId);
    const { ranges } = await this.#covered(definition, cut);
    const rows = await Promise.all(ranges.map((range) => this.#manifest.rows(sourcesId, range)));
    const small = rows.map((expanded) => expanded?.files ?? {});
    const count = small.reduce((total, files) => total + Object.keys(files).length, 0);
    if (count < atFiles || rows.includes(null)) return 0;
    const parts = ranges.map(({ partition, start, head }) => ({
      from: { [partition]: start },
      to: { [partition]: head.end },
    }));
    if (!(await this.#putSegment(sourcesId, 0, parts, small))) return 0;
    reached('clean: rows merged');
    await this.#removeMerged(sourcesId);
    await this.#mergeSegments(sourcesId);
    return count;
  }

  /**
   * Removes the rows under every other source definition; rows are derived, and are expanded again if they are ever asked
   * for. Only for the holder of the right to run, when no other definition has views. Answers how many files it removed.
   */
  async removeOtherRows({ sourcesId }: Definition): Promise<number> {
    await this.#manifest.removeOtherRows(sourcesId);
    const files = await othersBelow(this.#storage, 'rows', sourcesId);
    for (const path of files) await this.#storage.remove(path);
    return files.length;
  }

  /** Every record of a range or import as bytes, in order; the file is verified first. */
  async *records(unit: LandedRange | LandedImport, customerIds?: ReadonlySet<string>): AsyncGenerator<RawRecord> {
    if (!unit.file) return;
    await this.#verify(unit.file);
    yield* this.#files.records(unit.file, customerIds);
  }

  /** At most `limit` customers of the whole history, chosen by a hash of their id and the seed: the same for the same seed. */
  async sampleCustomers(limit: number, seed: number): Promise<readonly string[]> {
    const units = [...(await this.#manifest.imports()), ...(await this.#manifest.ranges())];
    const files = units.flatMap(({ file }) => file ?? []);
    return files.length === 0 ? [] : this.#files.sampleCustomers(files, limit, seed);
  }

  /** Files a finished local Parquet file of states under a definition's generation, beside what others made for the same. */
  async putSnapshot(definitionId: string, generation: number, localFile: string, rows: number): Promise<LakeFile> {
    return this.#files.put(`${snapshotsOf(definitionId)}/${generation}-${randomUUID()}.parquet`, localFile, rows);
  }

  /** Removes what is left in the scratch folder of a file in the making. */
  discard(localFile: string): Promise<void> {
    return this.#files.discard(localFile);
  }

  /** Where the engine finds a snapshot; throws when it is gone or damaged. */
  async openSnapshot({ path, sha256 }: Pick<LakeFile, 'path' | 'sha256'>): Promise<string> {
    await this.#verify({ path, sha256, bytes: 0, rows: 0 });
    return this.#storage.locate(path);
  }

  /** Removes all that were filed for generations below one, those that died before anybody heard of them too. */
  async removeSnapshots(definitionId: string, below: number): Promise<void> {
    const folder = snapshotsOf(definitionId);
    for (const path of await this.#storage.list(folder))
      if (Number.parseInt(path.slice(folder.length + 1), 10) < below) await this.#storage.remove(path);
  }

  /** A local folder for files in the making. */
  get scratchFolder(): string {
    return this.#storage.scratchFolder;
  }

  /** What of the log the cut covers: segments, and the ranges that are in none of them. */
  async #covered(
    definition: Definition,
    cut: LakeCut,
  ): Promise<{ readonly segments: readonly RowSegment[]; readonly ranges: readonly LandedRange[] }> {
    const behind = (partition: number, end: bigint) => end > (cut.partitions.get(partition) ?? 0n) + 1n;
    const segments: RowSegment[] = [];
    const merged = new Map<number, bigint>();
    for (const segment of (await this.#manifest.segments(definition.sourcesId)).current) {
      const ends = Object.entries(segment.to).map(([partition, end]) => [Number(partition), end] as const);
      if (ends.some(([partition, end]) => behind(partition, end))) break;
      segments.push(segment);
      for (const [partition, end] of ends) merged.set(partition, end);
    }
    const ranges = (await this.#manifest.ranges()).filter(
      ({ partition, start, head }) =>
        start < (cut.partitions.get(partition) ?? 0n) && head.end > (merged.get(partition) ?? 0n),
    );
    for (const { partition, start, head } of ranges) {
      // A range ends with the barrier that the cut names or before it: landing never crosses a barrier.
      if (behind(partition, head.end)) {
        throw new LakeError(
          'TIDEMARK_LAKE_MANIFEST',
          `The landed range of partition ${partition} from ${start} crosses the cut at ${cut.partitions.get(partition)}.`,
        );
      }
    }
    return { segments, ranges };
  }

  /** What is covered, by segments that are as they were written. When one is not, none is kept: they stand in a row. */
  async #wholeSegments(definition: Definition, cut: LakeCut, onDamaged: (damage: LakeError) => void) {
    const covered = await this.#covered(definition, cut);
    const damage = await this.#damageOf(covered.segments);
    if (damage === null) return covered;
    onDamaged(damage);
    const { current, superseded } = await this.#manifest.segments(definition.sourcesId);
    for (const segment of [...superseded, ...current])
      await this.#manifest.removeSegment(definition.sourcesId, segment);
    return this.#covered(definition, cut);
  }

  async #rowsOf(
    definition: Definition,
    unit: LandedRange | LandedImport,
    onDamaged: (damage: LakeError) => void,
  ): Promise<ExpandedRows> {
    const rows = await this.#manifest.rows(definition.sourcesId, unit);
    if (rows === null) return this.#expand(definition, unit);
    const damage = await this.#damageOf([rows]);
    if (damage === null) return rows;
    onDamaged(damage);
    await this.#manifest.removeRows(definition.sourcesId, unit);
    return this.#expand(definition, unit);
  }

  /** What is wrong with files of rows; null when they are as they were written. */
  async #damageOf(units: readonly ExpandedRows[]): Promise<LakeError | null> {
    for (const file of units.flatMap(({ files }) => Object.values(files))) {
      try {
        await this.#verify(file);
      } catch (error) {
        if (error instanceof LakeError) return error;
        throw error;
      }
    }
    return null;
  }

  async #mergeSegments(sourcesId: string): Promise<void> {
    for (;;) {
      const { current } = await this.#manifest.segments(sourcesId);
      const level = current.at(-1)?.level ?? 0;
      const merged = current.slice(current.findLastIndex((segment) => segment.level !== level) + 1);
      if (merged.length < SEGMENTS_PER_LEVEL) return;
      if (
        !(await this.#putSegment(
          sourcesId,
          level + 1,
          merged,
          merged.map(({ files }) => files),
        ))
      )
        return;
      for (const segment of merged) await this.#removeSegment(sourcesId, segment);
    }
  }

  /** Files a segment of consecutive parts; false when another process was first. */
  async #putSegment(
    sourcesId: string,
    level: number,
    parts: readonly Pick<RowSegment, 'from' | 'to'>[],
    files: readonly Readonly<Record<string, LakeFile>>[],
  ): Promise<boolean> {
    const merged: Record<string, LakeFile> = {};
    for (const source of new Set(files.flatMap((named) => Object.keys(named)))) {
      const ofSource = files.flatMap((named) => named[source] ?? []);
      merged[source] = await this.#mergeFiles(`rows/${sourcesId}/${source}/${randomUUID()}.parquet`, ofSource);
    }
    const from: Record<string, bigint> = {};
    const to: Record<string, bigint> = {};
    for (const part of parts) {
      for (const [partition, start] of Object.entries(part.from)) from[partition] ??= start;
      Object.assign(to, part.to);
    }
    const { current } = await this.#manifest.segments(sourcesId);
    const number = (current.at(-1)?.number ?? 0) + 1;
    return this.#manifest.putSegment(sourcesId, { number, level, from, to, files: merged });
  }

  /** Removes what a segment has too: its ranges' own rows, and smaller segments; also where whoever merged them died. */
  async #removeMerged(sourcesId: string): Promise<void> {
    const { current, superseded } = await this.#manifest.segments(sourcesId);
    for (const segment of superseded) await this.#removeSegment(sourcesId, segment);
    const isMerged = ({ partition, head }: LandedRange) => current.some(({ to }) => (to[partition] ?? 0n) >= head.end);
    const merged = (await this.#manifest.ranges()).filter(isMerged);
    for (const range of await this.#manifest.withRows(sourcesId, merged)) {
      const rows = await this.#manifest.rows(sourcesId, range);
      for (const file of Object.values(rows?.files ?? {})) await this.#storage.remove(file.path);
      await this.#manifest.removeRows(sourcesId, range);
    }
  }

  /** The files first: those of an entry that is still there are found again. */
  async #removeSegment(sourcesId: string, segment: RowSegment): Promise<void> {
    for (const file of Object.values(segment.files)) await this.#storage.remove(file.path);
    await this.#manifest.removeSegment(sourcesId, segment);
  }

  async #mergeFiles(path: string, files: readonly LakeFile[]): Promise<LakeFile> {
    for (const file of files) await this.#verify(file);
    return this.#files.merge(path, files);
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

const snapshotsOf = (definitionId: string): string => `snapshots/${definitionId}`;
