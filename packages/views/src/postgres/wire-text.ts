/** An array in PostgreSQL's text form. Every element is quoted, so none can be taken for NULL or for syntax. */
export function arrayText(elements: readonly (string | null)[]): string {
  // Grown by appending: this runs for every value that is written, and arrays of parts were half of its cost.
  let text = '{';
  for (const element of elements) {
    if (text.length > 1) text += ',';
    if (element === null) text += 'NULL';
    else text += SPECIAL.test(element) ? `"${element.replace(ALL_SPECIAL, '\\$&')}"` : `"${element}"`;
  }
  return `${text}}`;
}

const SPECIAL = /["\\]/;
const ALL_SPECIAL = /["\\]/g;

/** A timestamptz in text, exact to the millisecond; PostgreSQL takes years of five and six digits, but no sign. */
export function timestampText(ms: number): string {
  const text = new Date(ms).toISOString();
  return text.startsWith('+') ? text.replace(/^\+0*/, '') : text;
}

export function bytesText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/**
 * A jsonb array of [key, decimal string] pairs. Strings, because JSON.parse rounds numbers; pairs and no object, because
 * what a customer's data names must not become property names: the JSON.parse of Node 24 reads the key "\n" as "\\".
 */
export function countsText(counts: ReadonlyMap<string | number, bigint>): string {
  return JSON.stringify([...counts].map(([key, count]) => [String(key), String(count)]));
}
