import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { IngestError } from '../error.ts';
import { UnknownColumn } from './input-table.ts';

/** A physical line without its line end; `bytes` is there when they are not UTF-8, and `text` is a likeness then. */
export type Line = { readonly number: number; readonly text: string; readonly bytes: Buffer | null };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const CHUNK_BYTES = 1 << 20;
/** A longer line is no line: the file is something else. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The first bytes of a file; fewer when it is shorter. Throws `TIDEMARK_INGEST_FILE` when it can't be read. */
export async function firstBytes(path: string, count: number): Promise<Buffer> {
  try {
    const handle = await open(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IngestError('TIDEMARK_INGEST_FILE', `${path} can't be read: ${why}.`, { cause });
  }
}

export const isGzip = (start: Buffer): boolean => start[0] === 0x1f && start[1] === 0x8b;

/** The content of a file, unpacked where it is gzipped. `onBytes` hears how many bytes of the file itself were read. */
export function contentOf(path: string, gzipped: boolean, onBytes: (bytes: number) => void): AsyncIterable<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  file.on('data', (chunk) => onBytes(chunk.length));
  // An error of the file ends the stream that is read from, and is thrown there.
  return gzipped ? pipeline(file, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) : file;
}

/**
 * Gives every line of a content to `onLine`, in order, and answers the content's SHA-256; null: the hash alone. A byte
 * order mark is taken off. Throws `TIDEMARK_INGEST_FILE` for a content that is no UTF-8 text at all.
 */
export async function readLines(
  path: string,
  content: AsyncIterable<Buffer>,
  onLine: ((line: Line) => void) | null,
): Promise<string> {
  const hash = createHash('sha256');
  const lines = onLine && new LineSplitter(path, onLine);
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      lines?.take(chunk);
    }
  } catch (cause) {
    if (cause instanceof IngestError || cause instanceof UnknownColumn) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IngestError('TIDEMARK_INGEST_FILE', `${path} can't be read to its end: ${why}.`, { cause });
  }
  lines?.end();
  return hash.digest('hex');
}

class LineSplitter {
  readonly #path: string;
  readonly #onLine: (line: Line) => void;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #number = 0;
  #isStart = true;

  constructor(path: string, onLine: (line: Line) => void) {
    this.#path = path;
    this.#onLine = onLine;
  }

  take(chunk: Buffer): void {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end === -1) {
      this.#keep(chunk);
      return;
    }
    const block =
      this.#restBytes === 0 ? chunk.subarray(0, end + 1) : Buffer.concat([...this.#rest, chunk.subarray(0, end + 1)]);
    this.#rest = [];
    this.#restBytes = 0;
    this.#block(block);
    if (end + 1 < chunk.length) this.#keep(chunk.subarray(end + 1));
  }

  end(): void {
    if (this.#restBytes > 0) this.#block(Buffer.concat(this.#rest));
  }

  #keep(bytes: Buffer): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    if (this.#restBytes <= MAX_LINE_BYTES) return;
    throw new IngestError(
      'TIDEMARK_INGEST_FILE',
      `${this.#path}: line ${this.#number + 1} is longer than 16 MiB. Is it a text file? Name its format with --format.`,
    );
  }

  /** Whole lines: decoded at once where all of them are UTF-8. */
  #block(given: Buffer): void {
    const block = this.#isStart ? this.#withoutMark(given) : given;
    this.#isStart = false;
    if (isUtf8(block)) {
      const text = block.toString('utf8');
      for (let start = 0; start < text.length; ) {
        const newline = text.indexOf('\n', start);
        const end = newline === -1 ? text.length : newline;
        const cut = end > start && text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
        this.#onLine({ number: ++this.#number, text: text.slice(start, cut), bytes: null });
        start = end + 1;
      }
      return;
    }
    for (let start = 0; start < block.length; ) {
      const newline = block.indexOf(NEWLINE, start);
      const end = newline === -1 ? block.length : newline;
      const cut = end > start && block[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
      const bytes = Buffer.from(block.subarray(start, cut));
      this.#onLine({ number: ++this.#number, text: bytes.toString('utf8'), bytes: isUtf8(bytes) ? null : bytes });
      start = end + 1;
    }
  }

  #withoutMark(block: Buffer): Buffer {
    const [first, second, third] = block;
    if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
      throw new IngestError(
        'TIDEMARK_INGEST_FILE',
        `${this.#path} is UTF-16. Make it UTF-8 first: iconv -f UTF-16 -t UTF-8 ${this.#path}`,
      );
    }
    return first === 0xef && second === 0xbb && third === 0xbf ? block.subarray(3) : block;
  }
}
