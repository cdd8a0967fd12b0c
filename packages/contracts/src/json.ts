import type { RejectCode } from './reject.ts';

/** What a scan of JSON text finds: how many keys its objects name, or why no value may be made of it. */
type Scan =
  | { readonly ok: true; readonly keys: number }
  | { readonly ok: false; readonly code: RejectCode; readonly reason: string };

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: RejectCode; readonly reason: string };

/** An object as JSON.parse makes it: every key is an own property, `__proto__` too. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const MAX_DEPTH = 32;
/** Any decimal of up to 15 significant digits comes back from a double as it was (IEEE 754 binary64). */
const SIGNIFICANT_DIGITS = 15;

const MONEY_FIELDS: ReadonlySet<unknown> = new Set(['total_amount', 'amount']);

const tooDeep = { ok: false, code: 'too_deep', reason: `is nested more than ${MAX_DEPTH} levels deep` } as const;
const invalid = { ok: false, code: 'invalid_json', reason: 'is not JSON' } as const;
const duplicateKey = { ok: false, code: 'duplicate_key', reason: 'an object names the same key twice' } as const;

/**
 * `JSON.parse` that refuses what it would let through: nesting beyond 32 levels (before it is parsed), an object that
 * names a key twice, and money as a number that a double would change. Never throws; linear in the text.
 */
export function parseJson(text: string): JsonResult {
  const scan = scanJson(text);
  if (!scan.ok) return scan;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message quotes the payload and differs between versions of Node.
    return invalid;
  }
  // A key named twice is one property of the value, so the value then has fewer keys than the text. Escapes are no
  // way around: JSON.parse has resolved them.
  return countKeys(value) === scan.keys ? { ok: true, value } : duplicateKey;
}

/**
 * One pass over the text without recursion. It understands only strings, brackets, colons and numbers, and leaves all
 * else to `JSON.parse`: what it finds is true of every text that is JSON.
 */
function scanJson(text: string): Scan {
  let depth = 0;
  let keys = 0;
  let stringStart = 0;
  let stringEnd = 0;
  /** Nothing but a colon has come since the last string: that string is the key of what comes now. */
  let afterKey = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x22) {
      stringStart = i;
      i = endOfString(text, i);
      stringEnd = i + 1;
    } else if (char === 0x3a) {
      keys++;
      afterKey = true;
    } else if (char === 0x2c) {
      afterKey = false;
    } else if (char === 0x7b || char === 0x5b) {
      afterKey = false;
      if (++depth > MAX_DEPTH) return tooDeep;
    } else if (char === 0x7d || char === 0x5d) {
      depth--;
    } else if (char >= 0x30 && char <= 0x39) {
      const start = i;
      i = endOfNumber(text, i) - 1;
      if (afterKey && !survivesDouble(text, start, i + 1) && isMoneyKey(text.slice(stringStart, stringEnd))) {
        return { ok: false, code: 'money_needs_string', reason: 'money with so many digits must be sent as a string' };
      }
    }
  }
  return { ok: true, keys };
}

/** Index of the quote that ends the string begun at `start`; the last index when it never ends. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x22) return i;
    if (char === 0x5c) i++;
  }
  return text.length - 1;
}

/** Index after the digits, points, signs and exponents that follow `start`. */
function endOfNumber(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && isNumberChar(text.charCodeAt(i))) i++;
  return i;
}

function isNumberChar(char: number): boolean {
  return (char >= 0x30 && char <= 0x39) || char === 0x2e || (char | 0x20) === 0x65 || char === 0x2b || char === 0x2d;
}

/** True when a double in its shortest form is the number that was written. */
function survivesDouble(text: string, start: number, end: number): boolean {
  let significant = 0;
  let zeros = 0;
  let hasExponent = false;
  for (let i = start; i < end; i++) {
    const char = text.charCodeAt(i);
    if ((char | 0x20) === 0x65) {
      hasExponent = true;
      break;
    }
    if (char === 0x30) zeros += significant === 0 ? 0 : 1;
    else if (char !== 0x2e) {
      // Zeros count once a digit follows them: leading and trailing ones carry no precision.
      significant += zeros + 1;
      zeros = 0;
    }
  }
  if (significant > SIGNIFICANT_DIGITS) return false;
  if (!hasExponent && end - start <= 300) return true;
  const value = Number(text.slice(start, end));
  return Number.isFinite(value) && (value !== 0 || significant === 0);
}

/** True when a key, as it is quoted in the text, names money. */
function isMoneyKey(quoted: string): boolean {
  try {
    return MONEY_FIELDS.has(JSON.parse(quoted));
  } catch {
    return false;
  }
}

/** How many properties a JSON value has in all its objects. Recursion is bounded by `MAX_DEPTH`. */
function countKeys(value: unknown): number {
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
  } else if (isJsonObject(value)) {
    for (const name of Object.keys(value)) {
      count++;
      const field = value[name];
      if (typeof field === 'object') count += countKeys(field);
    }
  }
  return count;
}
