import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { MAX_RECORD_BYTES, parse } from '@tidemark/contracts';
import { type Append, checkRecord, type EventLog, LogError } from '@tidemark/log';

export type SendOptions = {
  readonly log: EventLog;
  readonly currency: string;
  /** Append each line as it is, whatever it is. */
  readonly raw: boolean;
};

export type SendResult =
  | { readonly line: number; readonly ok: true; readonly partition: number; readonly offset: string }
  | { readonly line: number; readonly ok: false; readonly code: string; readonly reason: string };

type Judged = { readonly line: number } & (
  | { readonly append: Append }
  | { readonly code: string; readonly reason: string }
);

/**
 * Appends the lines of `input` to the log and writes a result for each to `output`, in order, once it is durable. What
 * arrived together is appended together, so that a slow input is answered line by line and a fast one in batches.
 * Refused lines do not hold up others. Rejects with the log's error: lines without a result may or may not be written.
 */
export async function sendLines(
  input: AsyncIterable<Uint8Array>,
  output: Writable,
  options: SendOptions,
): Promise<{ readonly sent: number; readonly refused: number }> {
  const lines = new LineBatches();
  let line = 0;
  let sent = 0;
  let refused = 0;
  const send = async (batch: readonly Line[]): Promise<void> => {
    const judged = batch.flatMap((each) => judge(each, ++line, options));
    const results = await append(judged, options.log);
    for (const { ok } of results) ok ? sent++ : refused++;
    const text = results.map((result) => `${JSON.stringify(result)}\n`).join('');
    if (text !== '' && !output.write(text)) await once(output, 'drain');
  };
  for await (const chunk of input) await send(lines.take(chunk));
  await send(lines.end());
  return { sent, refused };
}

async function append(judged: readonly Judged[], log: EventLog): Promise<readonly SendResult[]> {
  const records = judged.flatMap((each) => ('append' in each ? [each.append] : []));
  const appended = (records.length > 0 ? await log.append(records) : []).values();
  return judged.map((each): SendResult => {
    if (!('append' in each)) return { line: each.line, ok: false, code: each.code, reason: each.reason };
    const place = appended.next().value;
    if (place === undefined) throw new TypeError('the log answered for fewer records than it was given');
    return { line: each.line, ok: true, partition: place.partition, offset: String(place.offset) };
  });
}

/** Nothing for a blank line, which only `raw` takes for a record. */
function judge(line: Line, number: number, { currency, raw }: SendOptions): readonly Judged[] {
  const refuse = (code: string, reason: string): readonly Judged[] => [{ line: number, code, reason }];
  if (line === 'oversized') return refuse('oversized', 'the line is longer than 1 MiB');
  const value = raw ? line : withoutCarriageReturn(line);
  if (!raw && value.length === 0) return [];
  const parsed = parse(value, { currency });
  if (!raw && !parsed.ok) return refuse(parsed.code, parsed.reason);
  const record = { key: parsed.ok ? Buffer.from(parsed.event.customer_id) : null, value };
  try {
    checkRecord(record);
  } catch (error) {
    if (error instanceof LogError) return refuse('oversized', error.message);
    throw error;
  }
  return [{ line: number, append: record }];
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

const withoutCarriageReturn = (line: Buffer): Buffer => (line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);

/** The bytes of a line without its end, or that it had too many to be kept. */
type Line = Buffer | 'oversized';

/** Cuts chunks into lines; holds no more of an unfinished one than a record may have. */
class LineBatches {
  #rest: Buffer[] = [];
  #restBytes = 0;

  take(chunk: Uint8Array): readonly Line[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end));
      lines.push(this.#finish());
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
    return lines;
  }

  end(): readonly Line[] {
    return this.#restBytes > 0 ? [this.#finish()] : [];
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#restBytes += part.length;
    if (this.#restBytes <= MAX_RECORD_BYTES + 1) this.#rest.push(part);
    else this.#rest = [];
  }

  #finish(): Line {
    const line = this.#restBytes > MAX_RECORD_BYTES + 1 ? 'oversized' : Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}
