import { createHash } from 'node:crypto';
import type { DuckDBValue } from '@duckdb/node-api';
import { type ParseResult, parse, type Rejected } from '@tidemark/contracts';
import type { Session } from '@tidemark/duckdb';
import type { Lake } from '@tidemark/lake';
import type { ImportSource, MappedRow } from './import-source.ts';
import { INPUT } from './input-table.ts';
import { fieldColumn } from './mapped-lines.ts';
import { ROWS } from './mapped-rows.ts';
import type { Mapping } from './mapping.ts';

/** Rows that become no event: `first_line`, `code`, `reason`. */
export const REJECTED = 'rejected_rows';

/** A row may have two events: an event's position in the import is twice its line, and one more for the second. */
export const EVENTS_PER_ROW = 2;

/** The lake's writers of one import. */
export type Writers = {
  readonly events: Awaited<ReturnType<Lake['eventWriter']>>;
  readonly rows: Awaited<ReturnType<Lake['rowWriter']>>;
  readonly quarantine: Awaited<ReturnType<Lake['quarantineWriter']>>;
};

/** What a row became: its events in order, or why it became none. */
export type RowResult = {
  readonly line: number;
  readonly events: readonly { readonly value: Uint8Array; readonly parsed: ParseResult & { readonly ok: true } }[];
  readonly rejected: Rejected | null;
};

const utf8 = new TextEncoder();

/** Turns rows into events, the same way for every import: contracts decide what is one. */
export class RowReader {
  readonly #mapping: Mapping;
  readonly #currency: string;
  /** SHA-256 of the file's content: names the rows of sources without a key. */
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
    if (source === null) return this.#parse(line, [utf8.encode(String(values[0] ?? ''))]);
    const row = this.#row(values);
    const id = row.event_id ?? this.#rowId(source, row, line);
    return this.#parse(
      line,
      source.events(row, id).map((event) => utf8.encode(JSON.stringify(event))),
    );
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

  /** The same row of any export has the same id. A source without a key has no rows that are the same. */
  #rowId(source: ImportSource, row: MappedRow, line: number): string {
    const identity =
      source.key === null
        ? [source.name, this.#fileSha256, line]
        : [source.name, row[source.key] ?? null, source.events(row, '')];
    return rowId(JSON.stringify(identity));
  }

  #parse(line: number, values: readonly Uint8Array[]): RowResult {
    const events: { value: Uint8Array; parsed: ParseResult & { readonly ok: true } }[] = [];
    for (const value of values) {
      const parsed = parse(value, { currency: this.#currency });
      if (!parsed.ok) return { line, events: [], rejected: parsed };
      events.push({ value, parsed });
    }
    return { line, events, rejected: null };
  }
}

const ID_DIGITS = 32;
const rowId = (identity: string): string =>
  `row-${createHash('sha256').update(identity).digest('hex').slice(0, ID_DIGITS)}`;

/**
 * The id of a row that came back: it was imported, replaced by the row `after`, and is the newest again. Its own id would
 * be taken for a repeat.
 */
export const returnedIdSql = (id: string, after: string): string =>
  `'row-' || left(sha256(concat(${id}, ' after ', ${after})), ${ID_DIGITS})`;

/**
 * Reads every row of the session and appends the events of the good ones to the lake's writers, in no order but by
 * position; the others are left in the table `rejected_rows`. Bounded in memory. `onRow` hears of each row.
 */
export async function stageEvents(
  session: Session,
  reader: RowReader,
  writers: Writers,
  onRow: () => void,
): Promise<void> {
  await session.connection.run(
    `CREATE TABLE ${REJECTED} AS SELECT first_line, rejected[1] AS code, rejected[2] AS reason
     FROM ${reader.relation} WHERE rejected IS NOT NULL`,
  );
  const rejected = await session.connection.createAppender(REJECTED);
  const connection = await session.connect();
  try {
    const result = await connection.stream(
      `SELECT first_line, ${reader.columns.join(', ')} FROM ${reader.relation} WHERE rejected IS NULL`,
    );
    for await (const rows of result.yieldRows()) {
      for (const [line, ...values] of rows) {
        const row = reader.read(Number(line), values);
        onRow();
        if (row.rejected) {
          rejected.appendBigInt(BigInt(row.line));
          rejected.appendVarchar(row.rejected.code);
          rejected.appendVarchar(row.rejected.reason);
          rejected.endRow();
        }
        row.events.forEach(({ value, parsed }, index) => {
          const place = { row: row.line * EVENTS_PER_ROW + index };
          writers.events.append({ place, key: null, value, timestampMs: null, parsed });
          writers.rows.append(place, parsed.event);
        });
      }
    }
  } finally {
    connection.closeSync();
    rejected.closeSync();
  }
}
