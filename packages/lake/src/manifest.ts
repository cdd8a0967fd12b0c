import { hash } from 'node:crypto';
import { z } from 'zod';
import { LakeError } from './error.ts';
import type { LakeStorage } from './port.ts';

/** A file of the lake as the manifest knows it. A file in no entry does not exist. */
const fileSchema = z.strictObject({ path: z.string(), sha256: z.string(), bytes: z.int(), rows: z.int() });
export type LakeFile = z.infer<typeof fileSchema>;

const offset = z.string().regex(/^\d+$/).transform(BigInt);
const epoch = z.int().nonnegative();

/** How far a partition has been landed: where the next range starts, and what stood last before it. */
const headSchema = z.strictObject({
  /** The next offset to land. */
  end: offset,
  epoch,
  previousEpoch: epoch.nullable(),
  /** The last record landed, to be read again: a log that was swapped or truncated is found. Null before the first. */
  last: z.strictObject({ offset, fingerprint: z.string() }).nullable(),
  logId: z.string(),
});
export type LandedHead = z.infer<typeof headSchema>;

const barrierSchema = z.strictObject({ generation: z.int(), atMs: z.int(), offset });

const rangeSchema = z.strictObject({
  partition: z.int().nonnegative(),
  start: offset,
  head: headSchema,
  /** Barriers within the range that began an epoch, in order. */
  barriers: z.array(barrierSchema),
  file: fileSchema.nullable(),
  counts: z.record(z.string(), z.int()),
});
/** A range of the log as it was landed: offsets from `start` up to `head.end`. */
export type LandedRange = z.infer<typeof rangeSchema>;

const importSchema = z.strictObject({
  number: z.int().positive(),
  source: z.string(),
  name: z.string(),
  inputSha256: z.string(),
  importedAtMs: z.int(),
  file: fileSchema.nullable(),
  /** Its lines that did not become events; absent when all did. */
  quarantine: fileSchema.exactOptional(),
  counts: z.record(z.string(), z.int()),
});
/** An import: rows that became events, covered by every cut whose `imports` is at or above its number. */
export type LandedImport = z.infer<typeof importSchema>;

const rowsSchema = z.strictObject({ files: z.record(z.string(), fileSchema) });
/** The rows expanded from one range or import, one file for each source that has any. */
export type ExpandedRows = z.infer<typeof rowsSchema>;

const offsets = z.record(z.string(), offset);
const segmentSchema = z.strictObject({
  number: z.int().positive(),
  /** 0 when merged of ranges, else one above the segments it was merged of. */
  level: z.int().nonnegative(),
  /** Where the segment's ranges begin and end in each partition: one segment begins where the one before ends. */
  from: offsets,
  to: offsets,
  files: z.record(z.string(), fileSchema),
});
/** The rows of many ranges in one file a source: many small files are slow to read. */
export type RowSegment = z.infer<typeof segmentSchema>;

/** Reads and puts manifest entries. Each is one small immutable file, put only if absent. */
export class Manifest {
  readonly #storage: LakeStorage;
  readonly #ranges: EntryReader<LandedRange>;
  readonly #imports: EntryReader<LandedImport>;
  readonly #rows: EntryReader<ExpandedRows>;
  readonly #segments: EntryReader<RowSegment>;

  constructor(storage: LakeStorage) {
    this.#storage = storage;
    this.#ranges = new EntryReader(storage, rangeSchema);
    this.#imports = new EntryReader(storage, importSchema);
    this.#rows = new EntryReader(storage, rowsSchema);
    this.#segments = new EntryReader(storage, segmentSchema);
  }

  /** Every landed range, by partition and start. Throws when a partition's ranges do not join. */
  async ranges(): Promise<readonly LandedRange[]> {
    const ranges = await this.#ranges.all('manifest/events');
    ranges.sort((a, b) => a.partition - b.partition || (a.start < b.start ? -1 : 1));
    ranges.forEach((range, index) => {
      const before = ranges[index - 1];
      if (before && before.partition === range.partition && before.head.end !== range.start) {
        throw new LakeError(
          'TIDEMARK_LAKE_MANIFEST',
          `The lake's manifest of partition ${range.partition} has no entry between offsets ${before.head.end} and ${range.start}. Restore the missing file below manifest/events.`,
        );
      }
    });
    return ranges;
  }

  /** Every import, by number. */
  async imports(): Promise<readonly LandedImport[]> {
    return (await this.#imports.all('manifest/imports')).sort((a, b) => a.number - b.number);
  }

  /** False when another lander put a range with this start first: what this one wrote does not exist. */
  putRange(range: LandedRange): Promise<boolean> {
    return this.#put(`manifest/events/${rangeName(range)}.json`, range);
  }

  putImport(entry: LandedImport): Promise<boolean> {
    return this.#put(`manifest/imports/${String(entry.number).padStart(10, '0')}.json`, entry);
  }

  /** The rows of a range or import under a source definition; null when they were not expanded yet. */
  async rows(sourcesId: string, unit: LandedRange | LandedImport): Promise<ExpandedRows | null> {
    try {
      return await this.#rows.read(rowsPath(sourcesId, unit));
    } catch (error) {
      if (error instanceof LakeError && error.code === 'TIDEMARK_LAKE_MISSING') return null;
      throw error;
    }
  }

  /** Those of the ranges whose rows are there. */
  async withRows(sourcesId: string, ranges: readonly LandedRange[]): Promise<readonly LandedRange[]> {
    const there = new Set(await this.#storage.list(`manifest/rows/${sourcesId}`));
    return ranges.filter((range) => there.has(rowsPath(sourcesId, range)));
  }

  putRows(sourcesId: string, unit: LandedRange | LandedImport, rows: ExpandedRows): Promise<boolean> {
    return this.#put(rowsPath(sourcesId, unit), rows);
  }

  /** Forgets the rows of a range that a segment has now: they are derived, and expanded again if they are ever asked for. */
  async removeRows(sourcesId: string, unit: LandedRange | LandedImport): Promise<void> {
    const path = rowsPath(sourcesId, unit);
    await this.#storage.remove(path);
    this.#rows.forget(path);
  }

  /** Forgets the rows and segments under every other source definition. */
  async removeOtherRows(sourcesId: string): Promise<void> {
    for (const kind of ['rows', 'segments']) {
      for (const path of await othersBelow(this.#storage, `manifest/${kind}`, sourcesId)) {
        await this.#storage.remove(path);
        this.#rows.forget(path);
        this.#segments.forget(path);
      }
    }
  }

  /** Segments of a source definition, by number; those that a later one holds too are `superseded` and must not be read. */
  async segments(
    sourcesId: string,
  ): Promise<{ readonly current: readonly RowSegment[]; readonly superseded: readonly RowSegment[] }> {
    const all = (await this.#segments.all(segmentsPath(sourcesId))).sort((a, b) => a.number - b.number);
    const current: RowSegment[] = [];
    const superseded: RowSegment[] = [];
    for (const segment of all) {
      for (let last = current.at(-1); last && holds(segment, last); last = current.at(-1))
        superseded.push(...current.splice(-1));
      current.push(segment);
    }
    return { current, superseded };
  }

  async removeSegment(sourcesId: string, { number }: RowSegment): Promise<void> {
    const path = segmentPath(sourcesId, number);
    await this.#storage.remove(path);
    this.#segments.forget(path);
  }

  /** False when another process put a segment with this number first. */
  putSegment(sourcesId: string, segment: RowSegment): Promise<boolean> {
    return this.#put(segmentPath(sourcesId, segment.number), segment);
  }

  #put(path: string, entry: unknown): Promise<boolean> {
    const plain = plainOf(entry);
    const json = JSON.stringify({ ...plain, sha256: hashOf(plain) }, null, 1);
    return this.#storage.putIfAbsent(path, new TextEncoder().encode(json));
  }
}

/** Reads entries of one kind. They never change once they are there, so each is read and parsed once. */
class EntryReader<T> {
  readonly #storage: LakeStorage;
  readonly #schema: z.ZodType<T>;
  readonly #known = new Map<string, T>();

  constructor(storage: LakeStorage, schema: z.ZodType<T>) {
    this.#storage = storage;
    this.#schema = schema;
  }

  async all(prefix: string): Promise<T[]> {
    const entries: T[] = [];
    for (const path of await this.#storage.list(prefix)) entries.push(await this.read(path));
    return entries;
  }

  async read(path: string): Promise<T> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const entry = parseEntry(path, await this.#storage.read(path), this.#schema);
    this.#known.set(path, entry);
    return entry;
  }

  forget(path: string): void {
    this.#known.delete(path);
  }
}

/** Paths below a folder that has one folder for each source definition, but for those of this one. */
export const othersBelow = async (
  storage: LakeStorage,
  folder: string,
  sourcesId: string,
): Promise<readonly string[]> =>
  (await storage.list(folder)).filter((path) => !path.startsWith(`${folder}/${sourcesId}/`));

const rowsPath = (sourcesId: string, unit: LandedRange | LandedImport): string =>
  `manifest/rows/${sourcesId}/${'number' in unit ? `import-${unit.number}` : rangeName(unit)}.json`;

const segmentsPath = (sourcesId: string): string => `manifest/segments/${sourcesId}`;

const segmentPath = (sourcesId: string, number: number): string =>
  `${segmentsPath(sourcesId)}/${String(number).padStart(10, '0')}.json`;

/** True when `larger` has everything that `smaller` has. */
const holds = (larger: RowSegment, smaller: RowSegment): boolean =>
  Object.entries(smaller.from).every(([partition, from]) => (larger.from[partition] ?? from + 1n) <= from) &&
  Object.entries(smaller.to).every(([partition, to]) => (larger.to[partition] ?? -1n) >= to);

const rangeName = ({ partition, start }: LandedRange): string => `p${partition}-${String(start).padStart(20, '0')}`;

const record = z.record(z.string(), z.unknown());

type Plain = Readonly<Record<string, unknown>>;

const jsonOf = (entry: unknown): string =>
  JSON.stringify(entry, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

/** The entry as it is when it was read back. */
const plainOf = (entry: unknown): Plain => record.parse(JSON.parse(jsonOf(entry)));

const hashOf = (entry: Plain): string => hash('sha256', JSON.stringify(entry), 'hex');

/** A flipped digit is still JSON: each entry carries its own hash. Those of before had none. */
function parseEntry<T>(path: string, bytes: Uint8Array, schema: z.ZodType<T>): T {
  try {
    const { sha256, ...entry } = record.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (sha256 !== undefined && sha256 !== hashOf(entry)) throw new Error('its SHA-256 differs');
    return schema.parse(entry);
  } catch (cause) {
    throw new LakeError(
      'TIDEMARK_LAKE_MANIFEST',
      `The lake's manifest entry ${path} cannot be read. Restore it from a backup.`,
      { cause },
    );
  }
}
