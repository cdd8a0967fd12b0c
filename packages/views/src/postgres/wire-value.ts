/*
 * What a query gave back, as the type its column has. The driver's rows are untyped: each of these takes a value by looking
 * at it, and throws when a table is not what this package made of it.
 */

export function bigintOf(value: unknown): bigint {
  return typeof value === 'bigint' ? value : unexpected('bigint', value);
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : unexpected('integer', value);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : unexpected('text', value);
}

export function booleanOf(value: unknown): boolean {
  return typeof value === 'boolean' ? value : unexpected('boolean', value);
}

/** A timestamptz as UTC milliseconds. */
export function millisecondsOf(value: unknown): number {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : unexpected('timestamptz', value);
}

export function bytesOf(value: unknown): Uint8Array {
  // A copy: the driver's buffers are slices of shared ones, which a few bytes kept in a cache would keep alive whole.
  return value instanceof Uint8Array ? new Uint8Array(value) : unexpected('bytea', value);
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : unexpected('text[]', value);
}

export function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(numberOf) : unexpected('integer[]', value);
}

/** A jsonb array of [key, decimal string] pairs. */
export function entriesOf(value: unknown): [string, bigint][] {
  if (!Array.isArray(value)) return unexpected('jsonb', value);
  return value.map((pair: unknown) => {
    const [key, count] = Array.isArray(pair) ? pair : unexpected('jsonb', pair);
    return [textOf(key), BigInt(textOf(count))];
  });
}

function unexpected(type: string, value: unknown): never {
  throw new TypeError(`A column of type ${type} gave ${value === null ? 'null' : `a ${typeof value}`}.`);
}
