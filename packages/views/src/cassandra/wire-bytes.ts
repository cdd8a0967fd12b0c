/*
 * Values in Cassandra's own encodings (section 6 of its native protocol, version 4). The driver's encoders take NaN for 0,
 * cut what is too wide and write an empty set as null, so none of a state's values passes through them.
 */

/** Zero bytes: an empty value, which is there, unlike a null. Every client shows it as null, except in a text. */
export const EMPTY = Buffer.alloc(0);

export function int32Bytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Most columns of most rows are zero or have no elements: these are shared, and never written to. */
const ZERO_64 = Buffer.alloc(8);
const NO_ELEMENTS = Buffer.alloc(4);

export function int64Bytes(value: bigint): Buffer {
  if (value === 0n) return ZERO_64;
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

export function booleanBytes(value: boolean): Buffer {
  return Buffer.from([value ? 1 : 0]);
}

export function textBytes(value: string): Buffer {
  return Buffer.from(value, 'utf8');
}

/** A copy: the caller may change its own while the request waits for its turn. */
export function blobBytes(value: Uint8Array): Buffer {
  return Buffer.from(value);
}

const INT64 = 1n << 63n;

/** Two's complement, big-endian, in as few bytes as hold the sign. */
export function varintBytes(value: bigint): Buffer {
  if (value >= -INT64 && value < INT64) return trimmed(int64Bytes(value));
  let bits = 64n;
  while (value >= 1n << (bits - 1n) || value < -(1n << (bits - 1n))) bits += 8n;
  const hex = BigInt.asUintN(Number(bits), value)
    .toString(16)
    .padStart(Number(bits) / 4, '0');
  return Buffer.from(hex, 'hex');
}

/** Without the leading bytes that only repeat the sign. */
function trimmed(bytes: Buffer): Buffer {
  const sign = (bytes[0] ?? 0) >= 0x80 ? 0xff : 0;
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === sign && (bytes[from + 1] ?? 0) >= 0x80 === (sign === 0xff))
    from += 1;
  return bytes.subarray(from);
}

/** A frozen set or list: the number of its elements, then each with its length. */
export function listBytes(elements: readonly Buffer[]): Buffer {
  return collection(elements.length, elements);
}

/** A frozen map: the number of its entries, then key and value of each with their lengths. */
export function mapBytes(entries: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return collection(entries.length, entries.flat());
}

function collection(count: number, parts: readonly Buffer[]): Buffer {
  if (count === 0) return NO_ELEMENTS;
  const bytes = Buffer.allocUnsafe(parts.reduce((size, part) => size + 4 + part.length, 4));
  let at = bytes.writeInt32BE(count);
  for (const part of parts) {
    at = bytes.writeInt32BE(part.length, at);
    at += part.copy(bytes, at);
  }
  return bytes;
}
