import { hash } from 'node:crypto';

/** Ids remembered for a customer within one epoch and partition; the oldest goes out first. */
export const REPEAT_CAP = 1_000;

const ID_BYTES = 8;

/** From so many ids on a window keeps what it encoded: to join a thousand of them for each write is most of its cost. */
const KEPT_FROM = 512;

/** An event's id as the repeat window keeps it: the first 64 bits of its SHA-256, as a string of eight bytes. */
export const eventIdHash = (eventId: string): string => hash('sha256', eventId, 'binary').slice(0, ID_BYTES);

/**
 * The hashes of the events a delta row has seen, oldest first. An id that comes again becomes the newest. Kept in the
 * row itself, so that what counts as a repeat depends on the log alone.
 */
export class IdWindow {
  readonly #ids: Set<string>;
  /** As it was encoded last, if that is kept: what was entered since is behind it, and so many of its first bytes have gone out. */
  #encoded: Buffer | null = null;
  #entered: string[] = [];
  #goneBytes = 0;

  private constructor(ids: Set<string>) {
    this.#ids = ids;
  }

  static empty(): IdWindow {
    return new IdWindow(new Set());
  }

  /** Reads back what `encode` wrote. */
  static decode(bytes: Uint8Array): IdWindow {
    if (bytes.length % ID_BYTES !== 0)
      throw new RangeError(`ids come in ${ID_BYTES} bytes each, not ${bytes.length} in all`);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const ids = new Set<string>();
    for (let at = 0; at < text.length; at += ID_BYTES) ids.add(text.slice(at, at + ID_BYTES));
    return new IdWindow(ids);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  enter(id: string): void {
    // One from the middle can't be cut out of what was encoded.
    if (this.#ids.delete(id)) this.#encoded = null;
    this.#ids.add(id);
    if (this.#encoded !== null) this.#entered.push(id);
    if (this.#ids.size <= REPEAT_CAP) return;
    const oldest = this.#ids.values().next();
    if (oldest.done) return;
    this.#ids.delete(oldest.value);
    this.#goneBytes += ID_BYTES;
  }

  get size(): number {
    return this.#ids.size;
  }

  encode(): Uint8Array {
    if (this.#encoded === null) return this.#keep(bytesOf(this.#ids));
    if (this.#entered.length === 0) return this.#encoded;
    return this.#keep(Buffer.concat([this.#encoded, bytesOf(this.#entered)]).subarray(this.#goneBytes));
  }

  #keep(encoded: Buffer): Buffer {
    if (this.#ids.size >= KEPT_FROM) {
      this.#encoded = encoded;
      this.#entered = [];
      this.#goneBytes = 0;
    }
    return encoded;
  }
}

const bytesOf = (ids: Iterable<string>): Buffer => Buffer.from([...ids].join(''), 'latin1');
