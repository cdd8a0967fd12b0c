/** Reads what `ByteWriter` writes. Throws a RangeError when the bytes end too early. */
export class ByteReader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  int8(): number {
    const value = this.bytes.readInt8(this.at);
    this.at += 1;
    return value;
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  uint32(): number {
    const value = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  int64(): bigint {
    const value = this.bytes.readBigInt64BE(this.at);
    this.at += 8;
    return value;
  }

  /** Up to 2^53: larger numbers don't occur where this form is used. */
  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (let n = 0; n < 10; n += 1) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new RangeError('The bytes end within a number.');
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError('A number longer than ten bytes.');
  }

  /** Zigzag. */
  varint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    if (length < 0 || length > this.left) throw new RangeError(`${length} bytes asked for, ${this.left} left.`);
    const bytes = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return bytes;
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.raw(length).toString('utf8');
  }

  nullableBytes(): Buffer | null {
    const length = this.int32();
    return length < 0 ? null : this.raw(length);
  }

  array<T>(each: () => T): T[] {
    return this.#times(this.int32(), each);
  }

  compactString(): string {
    return this.compactNullableString() ?? '';
  }

  compactNullableString(): string | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.raw(length).toString('utf8');
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.raw(length);
  }

  compactArray<T>(each: () => T): T[] {
    return this.#times(this.uvarint() - 1, each);
  }

  uuid(): string {
    return this.raw(16).toString('hex');
  }

  /** Tagged fields that this side does not know. */
  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left -= 1) {
      this.uvarint();
      this.raw(this.uvarint());
    }
  }

  #times<T>(count: number, each: () => T): T[] {
    const items: T[] = [];
    for (let n = 0; n < count; n += 1) items.push(each());
    return items;
  }
}
