/** Longest identifier or label, in UTF-8 bytes. */
export const MAX_IDENTIFIER_BYTES = 256;

/** Control characters (C0, DEL, C1) and surrogates that are not part of a pair. */
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u;

/**
 * True for text that may name a thing in every store: not empty, at most 256 bytes of UTF-8, well-formed, and without
 * control characters. Nothing is trimmed or normalised: what is equal is equal byte for byte.
 */
export function isIdentifier(text: string): boolean {
  if (text.length === 0 || text.length > MAX_IDENTIFIER_BYTES) return false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char < 0x20 || char > 0x7e) return !FORBIDDEN.test(text) && utf8Bytes(text) <= MAX_IDENTIFIER_BYTES;
  }
  return true;
}

/** Length of well-formed `text` in UTF-8. */
function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char < 0x80) bytes += 1;
    else if (char < 0x800) bytes += 2;
    // Each half of a surrogate pair stands for two of its four bytes.
    else if (char >= 0xd800 && char <= 0xdfff) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}

/**
 * Orders strings as their UTF-8 bytes do, which is by code point: −1, 0 or 1. JavaScript's `<` is by UTF-16 unit and
 * puts the characters above U+FFFF before those from U+E000 on. Every order that leaves Tidemark is this one.
 */
export function compareUtf8(a: string, b: string): -1 | 0 | 1 {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) < rank(unitB) ? -1 : 1;
  }
  if (a.length === b.length) return 0;
  return a.length < b.length ? -1 : 1;
}

/** A UTF-16 unit's place in code-point order: surrogates stand for what lies above U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
