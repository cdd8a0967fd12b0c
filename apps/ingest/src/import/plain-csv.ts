import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import { type Session, textLiteral } from '@tidemark/duckdb';
import { INPUT, textColumn } from './input-table.ts';
import { readLines } from './lines.ts';

/** The table of all columns of the file, in its order: `INPUT` is a view over it. */
const RECORDS = 'records';

const NEWLINE = 0x0a;
/** Quotes may hold what ends a record elsewhere; the others end lines for some readers and not for others. */
const SPECIAL: readonly number[] = ['"', '\r', '\0'].map((char) => char.charCodeAt(0));
/** A longer line is nothing that is read often. */
const MAX_LINE_BYTES = 1 << 20;
/** In a path they stand for other files. */
const GLOB = /[*?[\]\\]/;
const DELIMITERS: ReadonlySet<string> = new Set([',', ';', '\t', '|']);

export type PlainCsv = {
  readonly path: string;
  readonly delimiter: string;
  readonly content: AsyncIterable<Buffer>;
  /** Places of the wanted columns among the names of the header, or an error. */
  columnsOf(names: readonly string[]): readonly number[];
};

/**
 * Reads a delimited file into the input table of the session by DuckDB, which is many times faster than line by line, and
 * answers the SHA-256 of its content. Null, and nothing is read, where the two might not read the same: the content has
 * quotes, blank lines or line ends of another kind, is not UTF-8, or a line has not as many fields as the header.
 */
export async function readPlainCsv(
  session: Session,
  { path, delimiter, content, columnsOf }: PlainCsv,
): Promise<string | null> {
  if (GLOB.test(path) || !DELIMITERS.has(delimiter)) return null;
  const plain = new PlainContent(delimiter);
  const sha256 = await readLines(path, plain.of(content), null);
  if (plain.header === null) return null;
  const names = plain.header.split(delimiter);
  const columns = columnsOf(names);
  const declared = names.map((_, index) => `${fieldColumn(index)}: 'VARCHAR'`).join(', ');
  try {
    await session.connection.run(
      `CREATE TABLE ${RECORDS} AS FROM read_csv(${textLiteral(resolve(path))}, auto_detect = false, header = false, skip = 1,
         columns = {${declared}}, delim = ${textLiteral(delimiter)}, quote = '', escape = '', comment = '', nullstr = '',
         new_line = '\\n', compression = 'none', hive_partitioning = false, strict_mode = true)`,
    );
  } catch (error) {
    if (error instanceof Error && /^Invalid Input Error/.test(error.message)) return null;
    throw error;
  }
  // DuckDB takes a line with one empty field too many, which no other line has one too few for.
  const [[read] = []] = (await session.connection.runAndReadAll(`SELECT count(*) FROM ${RECORDS}`)).getRows();
  if (plain.delimiters !== (Number(read) + 1) * (names.length - 1)) {
    await session.connection.run(`DROP TABLE ${RECORDS}`);
    return null;
  }
  const raw = names.map((_, index) => fieldColumn(index)).join(`, ${textLiteral(delimiter)}, `);
  await session.connection.run(
    `CREATE VIEW ${INPUT} AS SELECT rowid + 2 AS line, concat(${raw}) AS raw, NULL::BLOB AS bytes
       ${columns.map((field, index) => `, ${fieldColumn(field)} AS ${textColumn(index)}`).join('')} FROM ${RECORDS}`,
  );
  return sha256;
}

const fieldColumn = (index: number): string => `r${index}`;

/** Looks at a content as it passes, and ends it at once where it is not plain. */
class PlainContent {
  readonly #delimiter: number;
  #delimiters = 0;
  #header: string | null = null;
  #isPlain = true;
  /** Of a line whose end has not come. */
  #rest = Buffer.alloc(0);
  #endsLine = true;

  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** How many there are. */
  get delimiters(): number {
    return this.#delimiters;
  }

  /** The first line; null when the content is not plain. */
  get header(): string | null {
    return this.#isPlain ? this.#header : null;
  }

  async *of(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      this.#isPlain = this.#take(chunk);
      if (!this.#isPlain) return;
      yield chunk;
    }
    this.#isPlain = isUtf8(this.#rest);
    this.#header ??= this.#rest.length > 0 ? this.#rest.toString() : null;
  }

  #take(chunk: Buffer): boolean {
    if (SPECIAL.some((byte) => chunk.includes(byte)) || chunk.includes('\n\n')) return false;
    if (this.#endsLine && chunk[0] === NEWLINE) return false;
    this.#endsLine = chunk.at(-1) === NEWLINE;
    this.#delimiters += count(chunk, this.#delimiter);
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const lines = Buffer.concat([this.#rest, chunk.subarray(0, end)]);
    this.#rest = end === 0 ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk.subarray(end));
    if (end === 0) return this.#rest.length <= MAX_LINE_BYTES;
    this.#header ??= lines.toString('utf8', 0, lines.indexOf(NEWLINE));
    return isUtf8(lines) && !this.#header.startsWith('\ufeff');
  }
}

function count(chunk: Buffer, byte: number): number {
  let found = 0;
  for (let at = 0; at < chunk.length; at++) if (chunk[at] === byte) found++;
  return found;
}
