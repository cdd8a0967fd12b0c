/** An array in PostgreSQL's text form. Every element is quoted, so none can be taken for NULL or for syntax. */
export function arrayText(elements: readonly (string | null)[]): string {
  const quoted = elements.map((element) =>
    element === null ? 'NULL' : `"${/["\\]/.test(element) ? element.replace(/["\\]/g, '\\$&') : element}"`,
  );
  return `{${quoted.join(',')}}`;
}

/** A timestamptz in text, exact to the millisecond; PostgreSQL takes years of five and six digits, but no sign. */
export function timestampText(ms: number): string {
  return new Date(ms).toISOString().replace(/^\+0*/, '');
}

export function bytesText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/** A jsonb object of decimal strings: as numbers they would come back rounded by JSON.parse. */
export function countsText(counts: ReadonlyMap<string | number, bigint>): string {
  return JSON.stringify(Object.fromEntries([...counts].map(([key, count]) => [String(key), count.toString()])));
}
