/** Builds a Kafka message: big-endian numbers, and the length-prefixed forms of its protocol guide. Grows as needed. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, not copied: the writer is done with. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(bytes: number): number {
    const at = this.#length;
    this.#length = at + bytes;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  int8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  uint32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  int64(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
    return this;
  }

  /** Overwrites four bytes that were left free for a length or checksum known later. */
  uint32At(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  uvarint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.int8(((rest & 0x7f) | 0x80) - 0x100);
      rest >>>= 7;
    }
    return this.int8(rest);
  }

  /** Zigzag, as lengths and deltas within records are. */
  varint(value: number): this {
    return this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  string(text: string): this {
    const length = Buffer.byteLength(text);
    this.int16(length);
    const at = this.#room(length);
    this.#bytes.write(text, at, 'utf8');
    return this;
  }

  nullString(): this {
    return this.int16(-1);
  }

  bytes(bytes: Uint8Array): this {
    return this.int32(bytes.length).raw(bytes);
  }

  array<T>(items: readonly T[], each: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) each(item);
    return this;
  }

  /** The forms of flexible versions (KIP-482): lengths are unsigned varints, one too high, so that 0 is null. */
  compactString(text: string): this {
    const bytes = Buffer.from(text);
    return this.uvarint(bytes.length + 1).raw(bytes);
  }

  compactArray<T>(items: readonly T[], each: (item: T) => void): this {
    this.uvarint(items.length + 1);
    for (const item of items) each(item);
    return this;
  }

  uuid(id: string): this {
    return this.raw(Buffer.from(id, 'hex'));
  }

  /** No tagged fields, which end each struct of a flexible version. */
  noTags(): this {
    return this.int8(0);
  }
}
