import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import { IngestError } from '../error.ts';
import { CsvRecords } from './csv-records.ts';
import { findColumns, INPUT, InputTable, textColumn } from './input-table.ts';
import { jsonValues } from './json-line.ts';
import { contentOf, firstBytes, isGzip, readLines } from './lines.ts';
import { readPlainCsv } from './plain-csv.ts';

export const FILE_FORMATS = ['csv', 'tsv', 'ndjson', 'parquet'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** A file to import. */
export type InputFile = {
  readonly path: string;
  readonly format: FileFormat;
  readonly gzipped: boolean;
  readonly bytes: number;
  readonly delimiter: string;
};

/** A line that can't be part of any row. */
export type RejectedLine = {
  readonly line: number;
  readonly raw: Uint8Array;
  readonly code: 'malformed_line' | 'invalid_json' | 'not_an_object';
  readonly reason: string;
};

const EXTENSIONS: ReadonlyMap<string, FileFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['tab', 'tsv'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['parquet', 'parquet'],
]);

/** Looks at a file: its format by its name (without `.gz`) unless given, gzip by its first bytes. */
export async function inspectFile(
  path: string,
  given: { readonly format?: FileFormat | undefined; readonly delimiter?: string | undefined },
): Promise<InputFile> {
  const start = await firstBytes(path, 4);
  const extension = path.toLowerCase().replace(/\.gz$/, '').split('.').at(-1) ?? '';
  const format = given.format ?? EXTENSIONS.get(extension);
  if (format === undefined) {
    throw new IngestError(
      'TIDEMARK_INGEST_FILE',
      `${path} does not say what it is by its name. Use --format ${FILE_FORMATS.join('|')}.`,
    );
  }
  const { size } = await stat(path);
  const delimiter = given.delimiter === '\\t' ? '\t' : (given.delimiter ?? (format === 'tsv' ? '\t' : ','));
  if (delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw new IngestError('TIDEMARK_INGEST_FILE', '--delimiter is one character, such as ; or \\t.');
  }
  return { path, format, gzipped: isGzip(start), bytes: size, delimiter };
}

export type ReadInput = {
  readonly session: Session;
  /** Names of the columns that are read, in the order of the input table's. */
  readonly wanted: readonly string[];
  readonly onRejected: (line: RejectedLine) => void;
  /** Bytes of the file read so far. */
  readonly onProgress: (bytes: number) => void;
};

/**
 * Reads a file into the input table of the session, each value as text. Answers the SHA-256 of its (unpacked) content.
 * Throws `TIDEMARK_INGEST_FILE`, also when the file changes meanwhile, and `UnknownColumn` for a wanted name that the file
 * does not have.
 */
export async function readInput(file: InputFile, options: ReadInput): Promise<string> {
  const before = await stateOf(file.path);
  const sha256 = await readContent(file, options);
  // Some are read twice, to be hashed and by DuckDB: the two must have seen the same.
  if ((await stateOf(file.path)) !== before) {
    const why = 'it changed while it was read. Import it again when nobody writes to it';
    throw new IngestError('TIDEMARK_INGEST_FILE', `${file.path} can't be imported: ${why}.`);
  }
  return sha256;
}

/** Another one whenever the file is. */
async function stateOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs].join();
}

async function readContent(file: InputFile, options: ReadInput): Promise<string> {
  const content = () => {
    let done = 0;
    return contentOf(file.path, file.gzipped, (bytes) => {
      done += bytes;
      options.onProgress(done);
    });
  };
  if (file.format === 'parquet') {
    const sha256 = await readLines(file.path, content(), null);
    await readParquet(file.path, options);
    return sha256;
  }
  if (file.format !== 'ndjson' && !file.gzipped) {
    const columnsOf = (names: readonly string[]) => findColumns(options.wanted, checkHeader(file, names));
    const { path, delimiter } = file;
    const sha256 = await readPlainCsv(options.session, { path, delimiter, content, columnsOf });
    if (sha256 !== null) return sha256;
  }
  const table = await InputTable.open(options.session, options.wanted.length);
  const read = file.format === 'ndjson' ? ndjsonReader(table, options) : csvReader(file, table, options);
  const sha256 = await readLines(file.path, content(), read.line);
  read.end();
  table.finish();
  return sha256;
}

type LineReader = { readonly line: Parameters<typeof readLines>[2]; end(): void };

function csvReader(file: InputFile, table: InputTable, { wanted, onRejected }: ReadInput): LineReader {
  let columns: readonly number[] | null = null;
  const records = new CsvRecords({
    delimiter: file.delimiter,
    onRecord: ({ line, fields, text, bytes }) => {
      if (columns === null) {
        columns = findColumns(wanted, checkHeader(file, fields));
        return;
      }
      table.append(
        line,
        text,
        bytes,
        columns.map((index) => fields[index] ?? null),
      );
    },
    onMalformed: ({ line, text, bytes, reason }) => {
      if (columns === null)
        throw new IngestError('TIDEMARK_INGEST_FILE', `${file.path}: the header can't be read: ${reason}.`);
      onRejected({ line, raw: bytes ?? Buffer.from(text), code: 'malformed_line', reason });
    },
  });
  return {
    line: (line) => records.take(line),
    end() {
      records.end();
      if (columns === null) throw new IngestError('TIDEMARK_INGEST_FILE', `${file.path} is empty: it has no header.`);
    },
  };
}

/** The first line must be a header; a file of another delimiter is found by its only column. */
function checkHeader(file: InputFile, names: readonly string[]): readonly string[] {
  const trimmed = names.map((name) => name.trim());
  const [only] = trimmed;
  const other = [',', ';', '\t', '|'].find((each) => each !== file.delimiter && only?.includes(each));
  if (trimmed.length === 1 && other !== undefined) {
    throw new IngestError(
      'TIDEMARK_INGEST_FILE',
      `${file.path} has one column, ${only}. If its fields are delimited by ${JSON.stringify(other)}, say --delimiter ${JSON.stringify(other)}.`,
    );
  }
  return trimmed;
}

/** Most names that are remembered to tell which there are. */
const MAX_NAMES = 1_000;

function ndjsonReader(table: InputTable, { wanted, onRejected }: ReadInput): LineReader {
  const seen = new Set<string>();
  return {
    line: ({ number, text, bytes }) => {
      if (text.trim() === '') return;
      if (wanted.length === 0 || bytes !== null) {
        table.append(
          number,
          text,
          bytes,
          wanted.map(() => null),
        );
        return;
      }
      const result = jsonValues(text, wanted, (name) => {
        if (seen.size < MAX_NAMES) seen.add(name);
      });
      if (result.ok) table.append(number, text, null, result.values);
      else onRejected({ line: number, raw: Buffer.from(text), code: result.code, reason: result.reason });
    },
    end() {
      if (seen.size > 0 && seen.size < MAX_NAMES) findColumns(wanted, [...seen]);
    },
  };
}

/** The columns as text: DuckDB's own shortest form of numbers, ISO for dates. The row stands for the line. */
async function readParquet(path: string, { session, wanted }: ReadInput): Promise<void> {
  const { connection } = session;
  const location = textLiteral(resolve(path));
  const file = `read_parquet(${location}, file_row_number = true)`;
  try {
    const described = (await connection.runAndReadAll(`DESCRIBE FROM read_parquet(${location})`)).getRows();
    const names = described.map(([name]) => String(name));
    const columns = findColumns(wanted, names).map(
      (found, index) => `, nullif(${identifier(names[found] ?? '')}::VARCHAR, '') AS ${textColumn(index)}`,
    );
    await connection.run(
      `CREATE TABLE ${INPUT} AS SELECT file_row_number + 1 AS line,
         to_json(struct_pack(${names.map((name) => `${identifier(name)} := ${identifier(name)}`).join(', ')}))::VARCHAR AS raw,
         NULL::BLOB AS bytes${columns.join('')} FROM ${file}`,
    );
  } catch (cause) {
    if (!(cause instanceof Error) || !/^(Invalid Input|IO|Not implemented) Error/i.test(cause.message)) throw cause;
    throw new IngestError('TIDEMARK_INGEST_FILE', `${path} can't be read as Parquet: ${cause.message}`, { cause });
  }
}

/** Unpacks a gzipped file beside the others in the making, for a reader that can't. */
export async function unpack(file: InputFile, to: string): Promise<InputFile> {
  await pipeline(
    contentOf(file.path, true, () => {}),
    createWriteStream(to),
  );
  return { ...file, path: to, gzipped: false };
}
