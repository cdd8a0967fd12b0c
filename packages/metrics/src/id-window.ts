import { hash } from 'node:crypto';

/** Ids remembered for a customer within one epoch and partition; the oldest goes out first. */
export const REPEAT_CAP = 1_000;

const ID_BYTES = 8;

/** An event's id as the repeat window keeps it: the first 64 bits of its SHA-256, as a string of eight bytes. */
export const eventIdHash = (eventId: string): string => hash('sha256', eventId, 'binary').slice(0, ID_BYTES);

/**
 * The hashes of the events a delta row has seen, oldest first. An id that comes again becomes the newest. Kept in the
 * row itself, so that what counts as a repeat depends on the log alone.
 */
export class IdWindow {
  readonly #ids: Set<string>;

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
    this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size <= REPEAT_CAP) return;
    const oldest = this.#ids.values().next();
    if (!oldest.done) this.#ids.delete(oldest.value);
  }

  get size(): number {
    return this.#ids.size;
  }

  encode(): Uint8Array {
    return Buffer.from([...this.#ids].join(''), 'latin1');
  }
}
