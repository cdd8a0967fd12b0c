import { createHash } from 'node:crypto';
import type { DuckDBValue } from '@duckdb/node-api';
import { type ParseResult, parse, type Rejected } from '@tidemark/contracts';
import type { ImportSource, MappedRow, WireEvent } from './import-source.ts';
import { INPUT } from './input-table.ts';
import { fieldColumn } from './mapped-lines.ts';
import { ROWS } from './mapped-rows.ts';
import type { Mapping } from './mapping.ts';

/** What a row became: its events in order, or why it became none. */
export type RowResult = {
  readonly events: readonly RowEvent[];
  readonly rejected: Rejected | null;
};

/** An event of a row: its JSON in UTF-8, and what contracts find in it. */
export type RowEvent = { readonly value: Uint8Array; readonly parsed: ParseResult & { readonly ok: true } };

const utf8 = new TextEncoder();

/** Turns rows into events, the same way for every import: contracts decide what is one. */
export class RowReader {
  readonly #mapping: Mapping;
  readonly #currency: string;
  /** SHA-256 of the file's content. */
  readonly #fileSha256: string;

  constructor(mapping: Mapping, currency: string, fileSha256: string) {
    this.#mapping = mapping;
    this.#currency = currency;
    this.#fileSha256 = fileSha256;
  }

  /** The columns that `read` takes, after the line. */
  get columns(): readonly string[] {
    const { source, fields } = this.#mapping;
    if (source === null && fields.length === 0) return ['raw'];
    return fields.map(({ name }) => fieldColumn(name));
  }

  /** The relation that holds them. */
  get relation(): string {
    const { source, fields } = this.#mapping;
    return source === null && fields.length === 0
      ? `(SELECT line AS first_line, raw, CASE WHEN bytes IS NOT NULL THEN ['invalid_utf8', 'is not UTF-8'] END AS rejected FROM ${INPUT})`
      : ROWS;
  }

  read(line: number, values: readonly DuckDBValue[]): RowResult {
    const { source } = this.#mapping;
    if (source === null) return parseEvents([utf8.encode(String(values[0] ?? ''))], this.#currency);
    const row = this.#row(values);
    const id = row.event_id ?? rowId(rowIdentity(source, row, { sha256: this.#fileSha256, line }));
    return rowEvents(source.events(row, id), this.#currency);
  }

  #row(values: readonly DuckDBValue[]): MappedRow {
    const row: Record<string, string> = {};
    this.#mapping.fields.forEach(({ name, kind }, index) => {
      const value = values[index];
      if (value === null || value === undefined) return;
      row[name] = kind === 'time' ? new Date(Number(value)).toISOString() : String(value);
    });
    return row;
  }
}

/**
 * What names a row without an id, as JSON. The same row of any export has the same; a source without a key has no rows that
 * are the same, and there the file, by the SHA-256 of its content, and the line tell them apart.
 */
export const rowIdentity = (
  source: ImportSource,
  row: MappedRow,
  { sha256, line }: { readonly sha256: string; readonly line: number },
): string =>
  JSON.stringify(
    source.key === null ? [source.name, sha256, line] : [source.name, row[source.key] ?? null, source.events(row, '')],
  );

/** The events of one row as JSON, and what contracts say of them: one that is none makes none of them one. */
export const rowEvents = (events: readonly WireEvent[], currency: string): RowResult =>
  parseEvents(
    events.map((event) => utf8.encode(JSON.stringify(event))),
    currency,
  );

function parseEvents(values: readonly Uint8Array[], currency: string): RowResult {
  const events: RowEvent[] = [];
  for (const value of values) {
    const parsed = parse(value, { currency });
    if (!parsed.ok) return { events: [], rejected: parsed };
    events.push({ value, parsed });
  }
  return { events, rejected: null };
}

const ID_DIGITS = 32;
const rowId = (identity: string): string =>
  `row-${createHash('sha256').update(identity).digest('hex').slice(0, ID_DIGITS)}`;

/** The same in SQL, of a text in SQL. */
export const rowIdSql = (identity: string): string => `'row-' || left(sha256(${identity}), ${ID_DIGITS})`;

/**
 * The id of a row that came back: it was imported, replaced by the row `after`, and is the newest again. Its own id would
 * be taken for a repeat.
 */
export const returnedIdSql = (id: string, after: string): string => rowIdSql(`concat(${id}, ' after ', ${after})`);
