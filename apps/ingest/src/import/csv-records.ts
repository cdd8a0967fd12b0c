import type { Line } from './lines.ts';

/** A record of a delimited file: one line, or several where a quoted field has line ends in it. */
export type CsvRecord = {
  /** Of its first line. */
  readonly line: number;
  readonly fields: readonly string[];
  readonly text: string;
  /** As in `Line`. */
  readonly bytes: Buffer | null;
};

/** A line that is part of no record. */
export type MalformedLine = {
  readonly line: number;
  readonly text: string;
  readonly bytes: Buffer | null;
  readonly reason: string;
};

const QUOTE = '"';
/** A quoted field that goes on for longer was never meant to be one. */
const MAX_RECORD_LINES = 1_000;
const MAX_RECORD_CHARS = 1_048_576;

type Split = readonly string[] | 'open' | 'malformed';

/**
 * Puts lines together into records, after RFC 4180: a field that begins with a quote ends with the next single one. A
 * quote elsewhere is a character like others. A record that breaks the rule costs its first line alone: reading goes on
 * with the next line, so that one stray quote does not swallow what follows. Blank lines are skipped.
 */
export class CsvRecords {
  readonly #delimiter: string;
  readonly #onRecord: (record: CsvRecord) => void;
  readonly #onMalformed: (line: MalformedLine) => void;
  /** Fields of the first record, which is the header: all others have as many. */
  #columns = 0;
  #open: Line[] = [];
  #openChars = 0;

  constructor(options: {
    readonly delimiter: string;
    readonly onRecord: (record: CsvRecord) => void;
    readonly onMalformed: (line: MalformedLine) => void;
  }) {
    this.#delimiter = options.delimiter;
    this.#onRecord = options.onRecord;
    this.#onMalformed = options.onMalformed;
  }

  take(line: Line): void {
    if (this.#open.length > 0) {
      this.#continue(line);
    } else if (line.text.includes(QUOTE)) {
      this.#begin(line);
    } else if (line.text !== '') {
      this.#single(line, line.text.split(this.#delimiter));
    }
  }

  end(): void {
    while (this.#open.length > 0) this.#giveUp('a quoted field is never closed');
  }

  #begin(line: Line): void {
    const split = splitQuoted(line.text, this.#delimiter);
    if (split === 'open') {
      this.#open = [line];
      this.#openChars = line.text.length;
    } else if (split === 'malformed') {
      this.#onMalformed({ ...malformed(line), reason: MISPLACED });
    } else {
      this.#single(line, split);
    }
  }

  #single(line: Line, fields: readonly string[]): void {
    if (this.#columns === 0) this.#columns = fields.length;
    if (fields.length === this.#columns) {
      this.#onRecord({ line: line.number, fields, text: line.text, bytes: line.bytes });
    } else {
      this.#onMalformed({ ...malformed(line), reason: this.#otherLength(fields) });
    }
  }

  #otherLength(fields: readonly string[]): string {
    return `it has ${fields.length} fields and the header has ${this.#columns}`;
  }

  #continue(line: Line): void {
    this.#open.push(line);
    this.#openChars += line.text.length + 1;
    if (this.#open.length > MAX_RECORD_LINES || this.#openChars > MAX_RECORD_CHARS) {
      this.#giveUp('a quoted field is not closed within 1,000 lines and 1 MiB');
      return;
    }
    if (!line.text.includes(QUOTE)) return;
    const [first] = this.#open;
    const text = this.#open.map((each) => each.text).join('\n');
    const split = splitQuoted(text, this.#delimiter);
    if (split === 'open' || first === undefined) return;
    if (split === 'malformed') {
      this.#giveUp(MISPLACED);
      return;
    }
    if (this.#columns === 0) this.#columns = split.length;
    if (split.length !== this.#columns) {
      this.#giveUp(this.#otherLength(split));
      return;
    }
    const bytes = this.#open.some((each) => each.bytes !== null)
      ? Buffer.concat(this.#open.flatMap((each) => [each.bytes ?? Buffer.from(each.text), Buffer.from('\n')]))
      : null;
    this.#open = [];
    this.#onRecord({ line: first.number, fields: split, text, bytes });
  }

  /** Turns the first open line away and reads the others anew. */
  #giveUp(reason: string): void {
    const [first, ...others] = this.#open;
    this.#open = [];
    if (first) this.#onMalformed({ ...malformed(first), reason });
    for (const line of others) this.take(line);
  }
}

const MISPLACED = 'text stands between the end of a quoted field and the delimiter';

const malformed = ({ number, text, bytes }: Line) => ({ line: number, text, bytes });

function splitQuoted(text: string, delimiter: string): Split {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (text[at] !== QUOTE) {
      const end = text.indexOf(delimiter, at);
      fields.push(end === -1 ? text.slice(at) : text.slice(at, end));
      if (end === -1) return fields;
      at = end + delimiter.length;
      continue;
    }
    const end = closingQuote(text, at + 1);
    if (end === -1) return 'open';
    fields.push(text.slice(at + 1, end).replaceAll('""', QUOTE));
    at = end + 1;
    if (at === text.length) return fields;
    if (!text.startsWith(delimiter, at)) return 'malformed';
    at += delimiter.length;
  }
}

/** Index of the single quote that ends the field; two in a row stand for one within it. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf(QUOTE, from); at !== -1; at = text.indexOf(QUOTE, at + 2)) {
    if (text[at + 1] !== QUOTE) return at;
  }
  return -1;
}
