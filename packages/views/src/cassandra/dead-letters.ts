import { storableText } from '../checked-value.ts';
import type { DeadLetter, Views } from '../port.ts';
import type { Statements } from './connection.ts';
import { type BoundWrite, routingKey } from './replica-group.ts';
import { insertInto } from './state-codec.ts';
import { blobBytes, int32Bytes, int64Bytes, mapBytes, textBytes } from './wire-bytes.ts';
import { bigintOf, bytesOf, entriesOf, numberOf, type Row, textOf } from './wire-value.ts';

/** Offsets of one part of the index: see schema.ts. */
const PART_BITS = 18n;

const KIND = textBytes('errors');
const NO_EPOCH = int32Bytes(0);

/** Rows of a page of the index, which are small. */
const COUNT_ROWS = 5000;

type Part = { readonly partition: number; readonly part: bigint };

/** No counts: the part is open. A sealed one has at least one letter. */
type CountedPart = Part & { readonly counts: ReadonlyMap<string, bigint> };

const NO_COUNTS: ReadonlyMap<string, bigint> = new Map();

/**
 * Dead letters by position, each a row of its own. An index in parts of so many offsets says where they are and of which
 * code; the directory says which parts there are.
 *
 * They are counted without counters, which can't be repeated: a part that the log has left behind doesn't change any more,
 * so its counts are kept in the directory (it is sealed), and only the last part of each partition is counted when asked.
 * Who writes into a sealed part opens it before.
 */
export class DeadLetters {
  readonly #connection: Statements;
  /** The last part of each partition that this process wrote to: entered, and open. */
  readonly #last = new Map<number, bigint>();
  readonly #insert: string;
  readonly #index: string;
  readonly #open: string;
  readonly #parts: string;
  readonly #partsOf: string;
  readonly #partsFrom: string;
  readonly #after: string;
  readonly #codes: string;
  readonly #letter: string;

  constructor(connection: Statements, errors: string, index: string, directory: string) {
    this.#connection = connection;
    this.#insert = insertInto(errors, ['partition', '"offset"', 'code', 'reason', 'bytes']);
    this.#index = insertInto(index, ['partition', 'part', '"offset"', 'code']);
    this.#open = insertInto(directory, ['kind', 'epoch', 'partition', 'part', 'counts']);
    this.#parts = `SELECT partition, part, counts FROM ${directory} WHERE kind = ? AND epoch = 0`;
    this.#partsOf = `${this.#parts} AND partition = ?`;
    this.#partsFrom = `${this.#parts} AND (partition, part) >= (?, ?)`;
    this.#after = `SELECT "offset" FROM ${index} WHERE partition = ? AND part = ? AND "offset" > ? LIMIT ?`;
    this.#codes = `SELECT code FROM ${index} WHERE partition = ? AND part = ?`;
    this.#letter = `SELECT partition, "offset", code, reason, bytes FROM ${errors} WHERE partition = ? AND "offset" = ?`;
  }

  async write(letters: readonly DeadLetter[]): Promise<void> {
    const byPartition = new Map<number, DeadLetter[]>();
    for (const letter of new Map(letters.map((each) => [`${each.partition} ${each.offset}`, each])).values()) {
      const own = byPartition.get(letter.partition);
      if (own === undefined) byPartition.set(letter.partition, [letter]);
      else own.push(letter);
    }
    await this.#connection.each([...byPartition], ([partition, own]) => this.#writeOf(partition, own));
  }

  async #writeOf(partition: number, letters: readonly DeadLetter[]): Promise<void> {
    const written = new Set(letters.map(({ offset }) => partOf(offset)));
    const goesOn = written.size === 1 && written.has(this.#last.get(partition) ?? -1n);
    const known = goesOn ? [] : await this.#partsOfPartition(partition);
    if (!goesOn) await this.#setCounts([...written].map((part) => ({ partition, part, counts: NO_COUNTS })));
    await this.#connection.write(letters.map((letter) => this.#letterWrite(letter)));
    // After the letters: what the index says of is there.
    await this.#connection.write(letters.map((letter) => this.#indexWrite(letter)));
    if (goesOn) return;
    let last = 0n;
    for (const part of [...written, ...known.map((each) => each.part)]) if (part > last) last = part;
    const left = new Set([...written, ...known.filter(({ counts }) => counts.size === 0).map(({ part }) => part)]);
    left.delete(last);
    const sealed = await this.#connection.each([...left], async (part) => {
      return { partition, part, counts: await this.#countOf({ partition, part }) };
    });
    await this.#setCounts(sealed);
    this.#last.set(partition, last);
  }

  async page({ after, limit }: Parameters<Views['deadLetters']>[0]): Promise<readonly DeadLetter[]> {
    const from = { partition: after?.partition ?? 0, offset: after?.offset ?? -1n };
    const fromPart = after === null ? 0n : partOf(after.offset);
    const values = [KIND, int32Bytes(from.partition), int64Bytes(fromPart)];
    const places: (readonly [number, bigint])[] = [];
    for await (const parts of this.#connection.pages({ cql: this.#partsFrom, values })) {
      for (const { partition, part } of parts.map(decodePart)) {
        const isFirst = partition === from.partition && part === fromPart;
        const behind = isFirst ? from.offset : -1n;
        for (const offset of await this.#offsets({ partition, part }, behind, limit - places.length))
          places.push([partition, offset]);
        if (places.length >= limit) return await this.#letters(places);
      }
    }
    return await this.#letters(places);
  }

  async count(): Promise<ReadonlyMap<string, bigint>> {
    const parts = (await this.#connection.rows({ cql: this.#parts, values: [KIND] })).map(decodePart);
    const counts = await this.#connection.each(parts, async (part) =>
      part.counts.size > 0 ? part.counts : await this.#countOf(part),
    );
    const total = new Map<string, bigint>();
    for (const each of counts) for (const [code, count] of each) total.set(code, (total.get(code) ?? 0n) + count);
    return total;
  }

  async #countOf({ partition, part }: Part): Promise<ReadonlyMap<string, bigint>> {
    const counts = new Map<string, bigint>();
    const values = [int32Bytes(partition), int64Bytes(part)];
    for await (const page of this.#connection.pages({ cql: this.#codes, values }, COUNT_ROWS)) {
      for (const row of page) counts.set(textOf(row.code), (counts.get(textOf(row.code)) ?? 0n) + 1n);
    }
    return counts;
  }

  async #partsOfPartition(partition: number): Promise<readonly CountedPart[]> {
    return (await this.#connection.rows({ cql: this.#partsOf, values: [KIND, int32Bytes(partition)] })).map(decodePart);
  }

  /** Enters parts into the directory: open ones without counts, sealed ones with them. */
  async #setCounts(parts: readonly CountedPart[]): Promise<void> {
    await this.#connection.write(
      parts.map(({ partition, part, counts }) => {
        const entries = [...counts].map(([code, count]) => [textBytes(code), int64Bytes(count)] as const);
        const values = [KIND, NO_EPOCH, int32Bytes(partition), int64Bytes(part), mapBytes(entries)];
        return { cql: this.#open, values, key: KIND };
      }),
    );
  }

  #letterWrite({ partition, offset, code, reason, bytes }: DeadLetter): BoundWrite {
    const place = [int32Bytes(partition), int64Bytes(offset)];
    const values = [...place, textBytes(code), textBytes(storableText(reason)), blobBytes(bytes)];
    return { cql: this.#insert, values, key: routingKey(place) };
  }

  #indexWrite({ partition, offset, code }: DeadLetter): BoundWrite {
    const part = [int32Bytes(partition), int64Bytes(partOf(offset))];
    const values = [...part, int64Bytes(offset), textBytes(code)];
    return { cql: this.#index, values, key: routingKey(part) };
  }

  async #offsets({ partition, part }: Part, behind: bigint, limit: number): Promise<readonly bigint[]> {
    const values = [int32Bytes(partition), int64Bytes(part), int64Bytes(behind), int32Bytes(limit)];
    return (await this.#connection.rows({ cql: this.#after, values })).map(({ offset }) => bigintOf(offset));
  }

  async #letters(places: readonly (readonly [number, bigint])[]): Promise<readonly DeadLetter[]> {
    const rows = await this.#connection.each(places, ([partition, offset]) =>
      this.#connection.rows({ cql: this.#letter, values: [int32Bytes(partition), int64Bytes(offset)] }),
    );
    return rows.flat().map(decodeLetter);
  }
}

const partOf = (offset: bigint): bigint => offset >> PART_BITS;

function decodePart({ partition, part, counts }: Row): CountedPart {
  const entries = entriesOf(counts).map(([code, count]) => [textOf(code), bigintOf(count)] as const);
  return { partition: numberOf(partition), part: bigintOf(part), counts: new Map(entries) };
}

function decodeLetter({ partition, offset, code, reason, bytes }: Row): DeadLetter {
  return {
    partition: numberOf(partition),
    offset: bigintOf(offset),
    code: textOf(code),
    reason: textOf(reason),
    bytes: bytesOf(bytes),
  };
}
