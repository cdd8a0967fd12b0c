import type { DuckDBAppender } from '@duckdb/node-api';
import { identifier, type Session, textListLiteral, textLiteral } from '@tidemark/duckdb';
import { IngestError } from '../error.ts';

/** The table that holds the records of the file: `line`, `raw` or `bytes` as it was, and the columns that are read. */
export const INPUT = 'input';

/** The SQL name of the nth column that is read, as text. An empty value is NULL. */
export const textColumn = (index: number): string => `c${index}`;

/** Writes the input table of a session. */
export class InputTable {
  readonly #appender: DuckDBAppender;

  private constructor(appender: DuckDBAppender) {
    this.#appender = appender;
  }

  static async open(session: Session, columns: number): Promise<InputTable> {
    const declared = Array.from({ length: columns }, (_, index) => `, ${textColumn(index)} VARCHAR`).join('');
    await session.connection.run(`CREATE TABLE ${INPUT} (line BIGINT, raw VARCHAR, bytes BLOB${declared})`);
    return new InputTable(await session.connection.createAppender(INPUT));
  }

  append(line: number, raw: string, bytes: Buffer | null, values: readonly (string | null)[]): void {
    const to = this.#appender;
    to.appendBigInt(BigInt(line));
    to.appendVarchar(raw);
    if (bytes === null) to.appendNull();
    else to.appendBlob(bytes);
    for (const value of values) {
      if (value === null || value === '') to.appendNull();
      else to.appendVarchar(value);
    }
    to.endRow();
  }

  finish(): void {
    this.#appender.closeSync();
  }
}

/** A name that a mapping uses and the file does not have. */
export class UnknownColumn extends Error {
  readonly column: string;
  readonly names: readonly string[];

  constructor(column: string, names: readonly string[]) {
    super(`no column ${column}`);
    this.column = column;
    this.names = names;
  }
}

/**
 * Where each wanted name is among the names of a file: as it is written, else without regard to case as SQL has it.
 * Throws `UnknownColumn`, and `TIDEMARK_INGEST_EXPRESSION` for a name that the file has twice.
 */
export function findColumns(wanted: readonly string[], names: readonly string[]): readonly number[] {
  return wanted.map((name) => {
    const same = names.flatMap((each, index) => (each === name ? [index] : []));
    const alike = names.flatMap((each, index) => (each.toLowerCase() === name.toLowerCase() ? [index] : []));
    const [index, another] = same.length > 0 ? same : alike;
    if (index === undefined) throw new UnknownColumn(name, names);
    if (another !== undefined) {
      throw new IngestError('TIDEMARK_INGEST_EXPRESSION', `The file has more than one column ${identifier(name)}.`);
    }
    return index;
  });
}

/** The error for people: it names the columns nearest to the one that is not there. */
export async function unknownColumnError(session: Session, unknown: UnknownColumn): Promise<IngestError> {
  const similarity = `jaro_winkler_similarity(lower(name), lower(${textLiteral(unknown.column)}))`;
  const near = await session.connection.runAndReadAll(
    `SELECT name FROM (SELECT unnest(${textListLiteral(unknown.names)}::VARCHAR[]) AS name)
     WHERE ${similarity} > 0.75 ORDER BY ${similarity} DESC, name LIMIT 3`,
  );
  const meant = near.getRows().map(([each]) => String(each));
  const has = `it has ${unknown.names.slice(0, 30).join(', ')}.`;
  const hint = meant.length > 0 ? `did you mean ${meant.join(' or ')}?` : has;
  return new IngestError('TIDEMARK_INGEST_EXPRESSION', `The file has no column ${unknown.column}: ${hint}`);
}
