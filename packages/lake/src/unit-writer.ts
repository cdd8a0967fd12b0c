import { randomUUID } from 'node:crypto';
import type { TidemarkEvent } from '@tidemark/contracts';
import type { Session } from '@tidemark/duckdb';
import { type Definition, expand, type FieldType, type FieldValue, rowColumns, type Source } from '@tidemark/metrics';
import type { ExpandedRows, LakeFile } from './manifest.ts';
import { type ParquetValue, ParquetWriter } from './parquet-writer.ts';
import type { LakeStorage } from './port.ts';
import { EVENT_FILE_COLUMNS, eventFileValues, type LandingRecord, type Place, placeValues } from './raw-record.ts';

/** Writes the events of one range or import exactly as they came. */
export class EventFileWriter {
  readonly #storage: LakeStorage;
  readonly #writer: ParquetWriter;

  private constructor(storage: LakeStorage, writer: ParquetWriter) {
    this.#storage = storage;
    this.#writer = writer;
  }

  static async open(storage: LakeStorage, session: Session): Promise<EventFileWriter> {
    return new EventFileWriter(storage, await ParquetWriter.open(session, EVENT_FILE_COLUMNS, 'position'));
  }

  append(record: LandingRecord): void {
    this.#writer.append(eventFileValues(record));
  }

  /** Appends events by SQL: as `ParquetWriter.appendQuery`, ascending by position. */
  appendQuery(sql: string): void {
    this.#writer.appendQuery(sql);
  }

  /** What was appended so far, as a relation of the lake's session with the columns of the file. */
  get relation(): string {
    return this.#writer.relation;
  }

  /** Takes back the events at the positions that a SQL query gives. */
  drop(positions: string): Promise<void> {
    return this.#writer.remove(positions);
  }

  discard(): Promise<void> {
    return this.#writer.discard();
  }

  finish(): Promise<LakeFile | null> {
    return this.#writer.finish(this.#storage, `events/${randomUUID()}.parquet`);
  }
}

/** Writes the rows expanded from the events of one range or import: a file for each source. */
export class RowFileWriter {
  readonly #storage: LakeStorage;
  readonly #sourcesId: string;
  readonly #writers: ReadonlyMap<string, ParquetWriter>;

  private constructor(storage: LakeStorage, sourcesId: string, writers: ReadonlyMap<string, ParquetWriter>) {
    this.#storage = storage;
    this.#sourcesId = sourcesId;
    this.#writers = writers;
  }

  static async open(storage: LakeStorage, session: Session, definition: Definition): Promise<RowFileWriter> {
    const writers = new Map<string, ParquetWriter>();
    for (const source of definition.sources)
      writers.set(source.name, await ParquetWriter.open(session, rowFileColumns(source), 'position'));
    return new RowFileWriter(storage, definition.sourcesId, writers);
  }

  append(place: Place, event: TidemarkEvent): void {
    const { source, values } = rowFileValues(place, event);
    this.#writers.get(source.name)?.append(values);
  }

  /** Appends rows of a source by SQL: as `ParquetWriter.appendQuery`, ascending by position. */
  appendQuery(source: string, sql: string): void {
    this.#writers.get(source)?.appendQuery(sql);
  }

  /** What was appended so far: for each source a relation of the lake's session with `rowFileColumns`. */
  get relations(): ReadonlyMap<string, string> {
    return new Map([...this.#writers].map(([source, writer]) => [source, writer.relation]));
  }

  /** Takes back the rows at the positions that a SQL query gives. */
  async drop(positions: string): Promise<void> {
    for (const writer of this.#writers.values()) await writer.remove(positions);
  }

  async discard(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.discard();
  }

  async finish(): Promise<ExpandedRows> {
    const files: Record<string, LakeFile> = {};
    for (const [source, writer] of this.#writers) {
      const file = await writer.finish(this.#storage, `rows/${this.#sourcesId}/${source}/${randomUUID()}.parquet`);
      if (file) files[source] = file;
    }
    return { files };
  }
}

/** What a row file holds of `rowColumns`: an import's number is not known yet when its rows are written. */
export const rowFileColumns = (source: Source) => rowColumns(source).filter(({ name }) => name !== 'import');

/** The source of an event's row, and the row's values in `rowFileColumns`. */
export function rowFileValues(
  place: Place,
  event: TidemarkEvent,
): { readonly source: Source; readonly values: readonly ParquetValue[] } {
  const { source, key, kind, plus } = expand(event);
  const values = [
    ...placeValues(place),
    event.customer_id,
    event.event_id,
    BigInt(event.occurred_at),
    key,
    kind,
    ...source.fields.flatMap(({ name, type, optional }) => {
      const value = plus[name];
      return optional ? [fieldValue(type, value), value !== undefined] : [fieldValue(type, value)];
    }),
  ];
  return { source, values };
}

function fieldValue(type: FieldType, value: FieldValue): ParquetValue {
  if (value === null || value === undefined) return null;
  if (type === 'time' && typeof value === 'number') return BigInt(value);
  if (typeof value === VALUE_TYPES[type]) return value;
  throw new TypeError(`a field of type ${type} does not take a ${typeof value}`);
}

const VALUE_TYPES: Readonly<Record<FieldType, string>> = {
  money: 'bigint',
  time: 'number',
  text: 'string',
  int: 'number',
  bool: 'boolean',
};
