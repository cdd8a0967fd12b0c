import { parseTime } from '@tidemark/contracts';
import type { MetricValue } from '@tidemark/metrics';
import {
  Bool,
  type Data,
  type DataType,
  Decimal,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  Struct,
  Timestamp,
  TimeUnit,
  Utf8,
} from 'apache-arrow';

/** A column of a record batch from the values of answers. Typed arrays are filled directly: Arrow's builders are ten times slower. */
export type ArrowColumn = (values: readonly MetricValue[]) => Data;

const DECIMAL_DIGITS = 38;
const DECIMAL_BYTES = 16;
const DECIMAL_END = 10n ** BigInt(DECIMAL_DIGITS);

export const text: ArrowColumn = (values) => utf8(values.map((value) => (typeof value === 'string' ? value : null)));

export const texts: ArrowColumn = (values) => {
  const lists = values.map((value) => (Array.isArray(value) ? value.map(String) : []));
  const child = utf8(lists.flat());
  const type = new List(new Field('item', child.type, false));
  return makeData({ type, length: lists.length, nullCount: 0, valueOffsets: offsets(lists), child });
};

export const int64: ArrowColumn = (values) =>
  makeData({ ...present(new Int64(), values), data: BigInt64Array.from(values, (value) => BigInt(numberOf(value))) });

export const int32: ArrowColumn = (values) =>
  makeData({ ...present(new Int32(), values), data: Int32Array.from(values, numberOf) });

/** Times as answers write them. */
export const timestamp: ArrowColumn = (values) =>
  makeData({
    ...present(new Timestamp(TimeUnit.MILLISECOND, 'UTC'), values),
    data: BigInt64Array.from(values, (value) => (typeof value === 'string' ? BigInt(millisecondsOf(value)) : 0n)),
  });

export const boolean: ArrowColumn = (values) =>
  makeData({ ...present(new Bool(), values), data: bits(values.map((value) => value === true)) });

/** Decimal strings with exactly `scale` digits after the point, as 128-bit little-endian two's complement. */
export const decimal =
  (scale: number): ArrowColumn =>
  (values) => {
    const bytes = new DataView(new ArrayBuffer(values.length * DECIMAL_BYTES));
    values.forEach((value, index) => {
      if (typeof value !== 'string') return;
      const unscaled = BigInt(value.replace('.', ''));
      if (unscaled >= DECIMAL_END || unscaled <= -DECIMAL_END)
        throw new RangeError('an amount has more than 38 digits');
      bytes.setBigUint64(index * DECIMAL_BYTES, BigInt.asUintN(64, unscaled), true);
      bytes.setBigInt64(index * DECIMAL_BYTES + 8, unscaled >> 64n, true);
    });
    const type = new Decimal(scale, DECIMAL_DIGITS);
    return makeData({ ...present(type, values), data: new Uint32Array(bytes.buffer) });
  };

export const countsByText: ArrowColumn = (values) => {
  const maps = values.map((value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [],
  );
  const flat = maps.flat();
  const keys = utf8(flat.map(([key]) => key));
  const counts = int64(flat.map(([, count]) => count));
  const struct = new Struct([new Field('key', keys.type, false), new Field('value', counts.type, false)]);
  const child = makeData({ type: struct, length: flat.length, nullCount: 0, children: [keys, counts] });
  const type = new Map_(new Field('entries', struct, false));
  return makeData({ type, length: maps.length, nullCount: 0, valueOffsets: offsets(maps), child });
};

/** Type, length and presence: what every nullable column begins with. */
function present<T extends DataType>(type: T, values: readonly unknown[]) {
  const nullCount = values.reduce<number>((nulls, value) => (value === null ? nulls + 1 : nulls), 0);
  const nullBitmap = nullCount === 0 ? undefined : bits(values.map((value) => value !== null));
  return { type, length: values.length, nullCount, ...(nullBitmap && { nullBitmap }) };
}

function utf8(values: readonly (string | null)[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  values.forEach((value, index) => {
    valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + (value === null ? 0 : Buffer.byteLength(value, 'utf8'));
  });
  const data = Buffer.from(values.map((value) => value ?? '').join(''), 'utf8');
  return makeData({ ...present(new Utf8(), values), valueOffsets, data });
}

function offsets(values: readonly { readonly length: number }[]): Int32Array {
  const ends = new Int32Array(values.length + 1);
  values.forEach((value, index) => {
    ends[index + 1] = (ends[index] ?? 0) + value.length;
  });
  return ends;
}

function bits(flags: readonly boolean[]): Uint8Array {
  const packed = new Uint8Array(Math.ceil(flags.length / 64) * 8);
  flags.forEach((flag, index) => {
    if (flag) packed[index >> 3] = (packed[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return packed;
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

function millisecondsOf(time: string): number {
  const ms = parseTime(time);
  if (ms === null) throw new TypeError('an answer holds a time that is none');
  return ms;
}
