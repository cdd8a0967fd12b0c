import { types } from 'cassandra-driver';

/*
 * What a query gave back, as the type its column has. The driver's rows are untyped: each of these takes a value by looking
 * at it, and throws when a table is not what this package made of it.
 */

/** A row by column names. */
export type Row = Readonly<Record<string, unknown>>;

export function bigintOf(value: unknown): bigint {
  if (!types.Long.isLong(value)) return unexpected('bigint', value);
  return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
}

export function varintOf(value: unknown): bigint {
  return typeof value === 'bigint' ? value : unexpected('varint', value);
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : unexpected('int', value);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : unexpected('text', value);
}

export function booleanOf(value: unknown): boolean {
  return typeof value === 'boolean' ? value : unexpected('boolean', value);
}

/** A timestamp as UTC milliseconds. */
export function millisecondsOf(value: unknown): number {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : unexpected('timestamp', value);
}

export function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? new Uint8Array(value) : unexpected('blob', value);
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : unexpected('set<text>', value);
}

export function varintsOf(value: unknown): readonly bigint[] {
  return Array.isArray(value) ? value.map(varintOf) : unexpected('list<varint>', value);
}

export function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(numberOf) : unexpected('list<int>', value);
}

/** In the order of the keys, which the store keeps. */
export function entriesOf(value: unknown): readonly [unknown, unknown][] {
  return value instanceof Map ? [...value] : unexpected('map', value);
}

/** The driver's own form of a 64-bit number: what `USING TIMESTAMP` is bound as. Exact. */
export function longOf(value: bigint): types.Long {
  return types.Long.fromBits(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}

function unexpected(type: string, value: unknown): never {
  throw new TypeError(`A column of type ${type} gave ${value === null ? 'null' : `a ${typeof value}`}.`);
}
