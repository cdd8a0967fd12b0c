import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import { type Session, textLiteral } from '@tidemark/duckdb';
import { INPUT, textColumn } from './input-table.ts';
import { firstBytes, readLines } from './lines.ts';

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
  content(): AsyncIterable<Buffer>;
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
  const header = headerOf(await firstBytes(path, MAX_LINE_BYTES));
  if (header === null || GLOB.test(path) || !DELIMITERS.has(delimiter)) return null;
  const names = header.split(delimiter);
  const columns = columnsOf(names);
  const plain = new PlainContent(delimiter);
  // DuckDB reads while the content is hashed and looked at; neither is left under way when the other fails.
  const [hashed, loaded] = await Promise.allSettled([
    readLines(path, plain.of(content()), null),
    loadRecords(session, path, delimiter, names.length),
  ]);
  if (hashed.status === 'rejected') throw hashed.reason;
  if (loaded.status === 'rejected') throw loaded.reason;
  // DuckDB takes a line with one empty field too many, which no other line has one too few for.
  if (loaded.value === null || !plain.isPlain || plain.delimiters !== (loaded.value + 1) * (names.length - 1)) {
    await session.connection.run(`DROP TABLE IF EXISTS ${RECORDS}`);
    return null;
  }
  const raw = names.map((_, index) => fieldColumn(index)).join(`, ${textLiteral(delimiter)}, `);
  await session.connection.run(
    `CREATE VIEW ${INPUT} AS SELECT rowid + 2 AS line, concat(${raw}) AS raw, NULL::BLOB AS bytes
       ${columns.map((field, index) => `, ${fieldColumn(field)} AS ${textColumn(index)}`).join('')} FROM ${RECORDS}`,
  );
  return hashed.value;
}

/** Makes the table of all lines but the header, and says how many there are; null where DuckDB can't read them so. */
async function loadRecords(session: Session, path: string, delimiter: string, columns: number): Promise<number | null> {
  const declared = Array.from({ length: columns }, (_, index) => `${fieldColumn(index)}: 'VARCHAR'`).join(', ');
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
  const [[lines] = []] = (await session.connection.runAndReadAll(`SELECT count(*) FROM ${RECORDS}`)).getRows();
  return Number(lines);
}

/** The first line of a file that begins with these bytes; null where it is not plain. */
function headerOf(start: Buffer): string | null {
  const end = start.indexOf(NEWLINE);
  const line = end === -1 ? start : start.subarray(0, end);
  const isPlain = line.length > 0 && line.length < MAX_LINE_BYTES && isUtf8(line) && !hasSpecial(start);
  const header = isPlain ? line.toString() : '\ufeff';
  return header.startsWith('\ufeff') ? null : header;
}

const fieldColumn = (index: number): string => `r${index}`;

const hasSpecial = (bytes: Buffer): boolean => SPECIAL.some((byte) => bytes.includes(byte)) || bytes.includes('\n\n');

/** Looks at a content as it passes, and ends it at once where it is not plain. */
class PlainContent {
  readonly #delimiter: number;
  #delimiters = 0;
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

  get isPlain(): boolean {
    return this.#isPlain;
  }

  async *of(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      this.#isPlain = this.#take(chunk);
      if (!this.#isPlain) return;
      yield chunk;
    }
    this.#isPlain = isUtf8(this.#rest);
  }

  #take(chunk: Buffer): boolean {
    if (hasSpecial(chunk) || (this.#endsLine && chunk[0] === NEWLINE)) return false;
    this.#endsLine = chunk.at(-1) === NEWLINE;
    this.#delimiters += count(chunk, this.#delimiter);
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const lines = Buffer.concat([this.#rest, chunk.subarray(0, end)]);
    this.#rest = end === 0 ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk.subarray(end));
    return end === 0 ? this.#rest.length <= MAX_LINE_BYTES : isUtf8(lines);
  }
}

function count(chunk: Buffer, byte: number): number {
  let found = 0;
  for (let at = 0; at < chunk.length; at++) if (chunk[at] === byte) found++;
  return found;
}
