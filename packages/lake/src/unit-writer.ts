import { randomUUID } from 'node:crypto';
import type { DuckDBAppender } from '@duckdb/node-api';
import type { TidemarkEvent } from '@tidemark/contracts';
import type { Session } from '@tidemark/duckdb';
import { type Definition, expand, type FieldType, type FieldValue, rowColumns, type Source } from '@tidemark/metrics';
import type { ExpandedRows, LakeFile } from './manifest.ts';
import { ParquetWriter } from './parquet-writer.ts';
import type { LakeStorage } from './port.ts';
import { EVENT_FILE_COLUMNS, type LandingRecord, type Place } from './raw-record.ts';

/** Writes the events of one range or import exactly as they came. */
export class EventFileWriter {
  readonly #storage: LakeStorage;
  readonly #writer: ParquetWriter;

  private constructor(storage: LakeStorage, writer: ParquetWriter) {
    this.#storage = storage;
    this.#writer = writer;
  }

  static async open(storage: LakeStorage, session: Session): Promise<EventFileWriter> {
    return new EventFileWriter(storage, await ParquetWriter.open(session, EVENT_FILE_COLUMNS));
  }

  append(record: LandingRecord): void {
    const event = record.parsed.ok ? record.parsed.event : null;
    this.#writer.append((to) => {
      appendPlace(to, record.place);
      appendOrNull(to, record.timestampMs, (value) => to.appendBigInt(BigInt(value)));
      appendOrNull(to, record.parsed.ok ? null : record.parsed.code, (value) => to.appendVarchar(value));
      appendOrNull(to, event?.event_id ?? null, (value) => to.appendVarchar(value));
      appendOrNull(to, event?.event_type ?? null, (value) => to.appendVarchar(value));
      appendOrNull(to, event?.customer_id ?? null, (value) => to.appendVarchar(value));
      appendOrNull(to, event?.occurred_at ?? null, (value) => to.appendBigInt(BigInt(value)));
      appendOrNull(to, record.key, (value) => to.appendBlob(value));
      to.appendBlob(record.value);
    });
  }

  /** What was appended so far, as a table of the lake's session with the columns of the file. */
  get table(): string {
    return this.#writer.table;
  }

  /** Takes back the events at the positions that a SQL query gives. */
  drop(positions: string): Promise<void> {
    return this.#writer.remove(`position IN (${positions})`);
  }

  discard(): Promise<void> {
    return this.#writer.discard();
  }

  finish(): Promise<LakeFile | null> {
    return this.#writer.finish(this.#storage, `events/${randomUUID()}.parquet`, 'position');
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
      writers.set(source.name, await ParquetWriter.open(session, rowFileColumns(source)));
    return new RowFileWriter(storage, definition.sourcesId, writers);
  }

  append(place: Place, event: TidemarkEvent): void {
    const change = expand(event);
    this.#writers.get(change.source.name)?.append((to) => {
      appendPlace(to, place);
      to.appendVarchar(event.customer_id);
      to.appendVarchar(event.event_id);
      to.appendBigInt(BigInt(event.occurred_at));
      to.appendVarchar(change.key);
      to.appendVarchar(change.kind);
      for (const field of change.source.fields) {
        const value = change.plus[field.name];
        appendField(to, field.type, value);
        if (field.optional) to.appendBoolean(value !== undefined);
      }
    });
  }

  /** What was appended so far: for each source a table of the lake's session with `rowFileColumns`. */
  get tables(): ReadonlyMap<string, string> {
    return new Map([...this.#writers].map(([source, writer]) => [source, writer.table]));
  }

  /** Takes back the rows at the positions that a SQL query gives. */
  async drop(positions: string): Promise<void> {
    for (const writer of this.#writers.values()) await writer.remove(`position IN (${positions})`);
  }

  async discard(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.discard();
  }

  async finish(): Promise<ExpandedRows> {
    const files: Record<string, LakeFile> = {};
    for (const [source, writer] of this.#writers) {
      const file = await writer.finish(
        this.#storage,
        `rows/${this.#sourcesId}/${source}/${randomUUID()}.parquet`,
        'position',
      );
      if (file) files[source] = file;
    }
    return { files };
  }
}

/** What a row file holds of `rowColumns`: an import's number is not known yet when its rows are written. */
export const rowFileColumns = (source: Source) => rowColumns(source).filter(({ name }) => name !== 'import');

function appendPlace(to: DuckDBAppender, place: Place): void {
  if ('row' in place) {
    to.appendNull();
    to.appendNull();
    to.appendBigInt(BigInt(place.row));
  } else {
    to.appendInteger(place.epoch);
    to.appendInteger(place.partition);
    to.appendBigInt(place.offset);
  }
}

function appendField(to: DuckDBAppender, type: FieldType, value: FieldValue): void {
  if (value === null || value === undefined) to.appendNull();
  else if (type === 'money' && typeof value === 'bigint') to.appendBigInt(value);
  else if (type === 'time' && typeof value === 'number') to.appendBigInt(BigInt(value));
  else if (type === 'int' && typeof value === 'number') to.appendInteger(value);
  else if (type === 'text' && typeof value === 'string') to.appendVarchar(value);
  else if (type === 'bool' && typeof value === 'boolean') to.appendBoolean(value);
  else throw new TypeError(`a field of type ${type} does not take a ${typeof value}`);
}

function appendOrNull<T>(to: DuckDBAppender, value: T | null, append: (value: T) => void): void {
  if (value === null) to.appendNull();
  else append(value);
}
