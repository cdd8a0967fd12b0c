import { createHash } from 'node:crypto';
import { compareUtf8 } from '@tidemark/contracts';
import Encoder from 'cassandra-driver/lib/encoder.js';
import types from 'cassandra-driver/lib/types/index.js';
import type { TableSchema } from '../schema.ts';

/*
 * Values as the model's nodes keep them: bytes that they order by their column's type, and that the driver decodes.
 */

/** In the order of the column's type; what is missing comes first. */
export function compareValues(
  schema: TableSchema,
  name: string,
  a: Buffer | null | undefined,
  b: Buffer | null | undefined,
): number {
  const [x, y] = [a ?? Buffer.alloc(0), b ?? Buffer.alloc(0)];
  const type = schema.columns.get(name);
  if (type === 'int') return x.readInt32BE() - y.readInt32BE();
  if (type !== 'bigint' && type !== 'varint') return Buffer.compare(x, y);
  const [left, right] = [signed(x), signed(y)];
  return left === right ? 0 : left < right ? -1 : 1;
}

const encoder = new Encoder(4, { encoding: { map: Map, useBigIntAsVarint: true, useUndefinedAsUnset: false } });
type ColumnType = { readonly info: object; readonly isSet: boolean };
const columnTypes = new Map<string, ColumnType>();

function columnType(cqlType: string): ColumnType {
  const known = columnTypes.get(cqlType);
  if (known) return known;
  const plain = cqlType.replace(/^frozen<(.+)>$/, '$1');
  const type = { info: types.dataTypes.getByName(plain), isSet: plain.startsWith('set') };
  columnTypes.set(cqlType, type);
  return type;
}

/** As the driver decodes it. */
export function decode(bytes: Buffer, cqlType: string): unknown {
  const { info, isSet } = columnType(cqlType);
  const value: unknown = encoder.decode(bytes, info);
  // The nodes keep maps and sets in the order of their keys.
  if (value instanceof Map) return new Map([...value].sort(([a], [b]) => compareKeys(a, b)));
  return isSet && Array.isArray(value) ? value.sort(compareKeys) : value;
}

/** A column's value, decoded if it is kept as bytes; null: there is none. */
export function decodedColumn({ columns }: TableSchema, name: string, value: unknown): unknown {
  const type = columns.get(name);
  return Buffer.isBuffer(value) && type !== undefined ? decode(value, type) : (value ?? null);
}

const compareKeys = (a: unknown, b: unknown): number =>
  typeof a === 'string' && typeof b === 'string' ? compareUtf8(a, b) : Number(a) - Number(b);

const signed = (bytes: Buffer): bigint =>
  bytes.length === 8 ? bytes.readBigInt64BE() : BigInt.asIntN(bytes.length * 8, BigInt(`0x0${bytes.toString('hex')}`));

const tokens = new Map<string, bigint>();

/** Where a partition stands among all: any order will do that is not the keys' own. */
export function tokenOf(partition: string): bigint {
  const token = tokens.get(partition) ?? createHash('sha256').update(partition).digest().readBigInt64BE();
  tokens.set(partition, token);
  return token;
}
