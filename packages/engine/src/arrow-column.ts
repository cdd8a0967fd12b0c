import type { Column, ColumnType, ColumnValue } from '@tidemark/metrics';
import {
  Bool,
  type Data,
  Decimal,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
  type Vector,
} from 'apache-arrow';

const DECIMAL_DIGITS = 38;
const DECIMAL_BYTES = 16;

/** One changed customer as it crosses the port. */
export type StateRow = { readonly customerId: string; readonly gone: boolean; readonly state: readonly ColumnValue[] };

/** The items of all rows of a column of lists, and where each row's begin and the last one's end. */
export type FlatLists = { readonly offsets: Int32Array; readonly items: readonly string[] };

/** The entries of all rows of a column of maps. */
export type FlatMaps = {
  readonly offsets: Int32Array;
  readonly keys: readonly (string | number)[];
  readonly amounts: readonly bigint[];
};

/** A column of a batch: a value for each row, or lists and maps without an object for each. */
export type ColumnValues = readonly ColumnValue[] | FlatLists | FlatMaps;

/** Rows as one record batch with an explicit schema and explicit nulls. */
export function toRecordBatch(columns: readonly Column[], rows: readonly StateRow[]): RecordBatch {
  return columnBatch(
    columns,
    rows.map((row) => row.customerId),
    rows.map((row) => row.gone),
    (index) => rows.map((row) => row.state[index] ?? null),
  );
}

/** The same, of columns. */
export function columnBatch(
  columns: readonly Column[],
  customerIds: readonly string[],
  gone: readonly boolean[],
  valuesOf: (index: number) => ColumnValues,
): RecordBatch {
  const parts: { name: string; data: Data }[] = [
    { name: 'customer_id', data: utf8(customerIds) },
    { name: 'gone', data: bool(gone) },
    ...columns.map(({ name, type }, index) => ({ name, data: encode(type, valuesOf(index)) })),
  ];
  const schema = new Schema(parts.map(({ name, data }) => new Field(name, data.type, true)));
  const children = parts.map(({ data }) => data);
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: customerIds.length, nullCount: 0, children }),
  );
}

/** The rows of a batch that `toRecordBatch` made. */
export function* fromRecordBatch(columns: readonly Column[], batch: RecordBatch): Generator<StateRow> {
  const ids = column(batch, 'customer_id');
  const gone = column(batch, 'gone');
  const values = columns.map(({ name, type }) => decoder(type, column(batch, name)));
  for (let row = 0; row < batch.numRows; row++) {
    yield { customerId: String(ids.get(row)), gone: gone.get(row) === true, state: values.map((value) => value(row)) };
  }
}

function column(batch: RecordBatch, name: string): Vector {
  const vector = batch.getChild(name);
  if (!vector) throw new TypeError(`the record batch has no column ${name}`);
  return vector;
}

function encode(type: ColumnType, values: ColumnValues): Data {
  if ('offsets' in values)
    return 'items' in values ? list(values) : map(values, type === 'text_counts' ? texts : hours);
  switch (type) {
    case 'int64':
      return makeData({
        type: new Int64(),
        length: values.length,
        ...validity(values),
        data: filled(new BigInt64Array(values.length), values, bigintOrZero),
      });
    case 'timestamp':
      return makeData({
        type: new TimestampMillisecond(),
        length: values.length,
        ...validity(values),
        data: filled(new BigInt64Array(values.length), values, (value) => BigInt(numberOrZero(value))),
      });
    case 'int32':
      return makeData({
        type: new Int32(),
        length: values.length,
        ...validity(values),
        data: filled(new Int32Array(values.length), values, numberOrZero),
      });
    case 'varint':
      return decimal(values);
    case 'text':
      return utf8(values.map((value) => (typeof value === 'string' ? value : null)));
    case 'text_set': {
      const lists = values.map((value) => (Array.isArray(value) ? value : []));
      return encode(type, { offsets: offsets(lists), items: lists.flat() });
    }
    case 'text_counts':
    case 'hour_counts': {
      const maps = values.map(entriesOf);
      const entries = maps.flat();
      const keys = entries.map(([key]) => key);
      return encode(type, { offsets: offsets(maps), keys, amounts: entries.map(([, amount]) => amount) });
    }
  }
}

/** By index: `from` of a typed array goes through an iterator, which takes several times as long. */
function filled<Item, A extends { [at: number]: Item }>(
  array: A,
  values: readonly ColumnValue[],
  of: (value: ColumnValue) => Item,
): A {
  for (let at = 0; at < values.length; at++) array[at] = of(values[at] ?? null);
  return array;
}

const texts = (keys: FlatMaps['keys']): Data => utf8(keys.map(String));

const hours = (keys: FlatMaps['keys']): Data =>
  makeData({ type: new Int32(), length: keys.length, nullCount: 0, data: Int32Array.from(keys, Number) });

function decoder(type: ColumnType, vector: Vector): (row: number) => ColumnValue {
  switch (type) {
    case 'int64': {
      if (vector.nullCount > 0) throw new TypeError('a column that counts has a null');
      const words = wordsOf(dataOf(vector));
      return (row) => words[row] ?? 0n;
    }
    case 'timestamp': {
      const words = wordsOf(dataOf(vector));
      return unlessNull(vector, (row) => Number(words[row]));
    }
    case 'int32':
      return unlessNull(vector, (row) => Number(vector.get(row)));
    case 'varint': {
      const integerAt = integerReader(dataOf(vector));
      return unlessNull(vector, integerAt);
    }
    case 'text':
      return unlessNull(vector, (row) => String(vector.get(row)));
    case 'text_set': {
      const itemsAt = listReader(dataOf(vector));
      return (row) => itemsAt(row, String);
    }
    case 'text_counts':
      return mapReader(dataOf(vector), String);
    case 'hour_counts':
      return mapReader(dataOf(vector), Number);
  }
}

/** Most columns have a value in every row or, of sources that a customer has nothing of, in none. */
function unlessNull(vector: Vector, valueAt: (row: number) => ColumnValue): (row: number) => ColumnValue {
  if (vector.nullCount === 0) return valueAt;
  if (vector.nullCount === vector.length) return () => null;
  return (row) => (vector.isValid(row) ? valueAt(row) : null);
}

/** The numbers of a column of 64 bits, without the driver's look at each one's type. */
function wordsOf({ values, length }: Data): BigInt64Array {
  if (values instanceof BigInt64Array && values.length >= length) return values;
  throw new TypeError('a column of 64 bits has no words');
}

/** Bit-packed presence, as every nullable Arrow column carries it. */
function validity(values: readonly (ColumnValue | null)[]): { nullCount: number; nullBitmap?: Uint8Array } {
  let nullCount = 0;
  for (const value of values) if (value === null) nullCount++;
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bits(values.map((value) => value !== null)) };
}

function bits(flags: readonly boolean[]): Uint8Array {
  const packed = new Uint8Array(Math.ceil(flags.length / 64) * 8);
  flags.forEach((flag, index) => {
    if (flag) packed[index >> 3] = (packed[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return packed;
}

const bool = (values: readonly boolean[]): Data<Bool> =>
  makeData({ type: new Bool(), length: values.length, nullCount: 0, data: bits(values) });

function utf8(values: readonly (string | null)[]): Data<Utf8> {
  const text = values.join('');
  const bytes = Buffer.from(text, 'utf8');
  const lengthOf = bytes.length === text.length ? (value: string) => value.length : Buffer.byteLength;
  const valueOffsets = new Int32Array(values.length + 1);
  values.forEach((value, index) => {
    valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + (value === null ? 0 : lengthOf(value));
  });
  return makeData({ type: new Utf8(), length: values.length, ...validity(values), valueOffsets, data: bytes });
}

/** 128-bit integers as decimals of scale 0: little-endian two's complement. */
function decimal(values: readonly ColumnValue[]): Data<Decimal> {
  const bytes = new DataView(new ArrayBuffer(values.length * DECIMAL_BYTES));
  values.forEach((value, index) => {
    const integer = typeof value === 'bigint' ? value : 0n;
    bytes.setBigUint64(index * DECIMAL_BYTES, BigInt.asUintN(64, integer), true);
    bytes.setBigInt64(index * DECIMAL_BYTES + 8, integer >> 64n, true);
  });
  const data = new Uint32Array(bytes.buffer);
  return makeData({ type: new Decimal(0, DECIMAL_DIGITS), length: values.length, ...validity(values), data });
}

/** Of decimals, by their halves: Arrow gives each as a slice, which costs more than the number made of it. */
function integerReader({ values }: Data): (row: number) => bigint {
  if (!(values instanceof Uint32Array)) throw new TypeError('a column of integers has no words');
  // A copy begins where 64 bits may begin.
  const halves = new BigInt64Array(values.slice().buffer);
  return (row) => {
    const low = halves[2 * row] ?? 0n;
    const high = halves[2 * row + 1] ?? 0n;
    return high === (low < 0n ? -1n : 0n) ? low : (high << 64n) | BigInt.asUintN(64, low);
  };
}

function list({ offsets: valueOffsets, items }: FlatLists): Data {
  const child = utf8(items);
  const type = new List(new Field('item', child.type, false));
  return makeData({ type, length: valueOffsets.length - 1, nullCount: 0, valueOffsets, child });
}

function map({ offsets: valueOffsets, keys, amounts }: FlatMaps, encodeKeys: (keys: FlatMaps['keys']) => Data): Data {
  const children = [encodeKeys(keys), decimal(amounts)];
  const struct = new Struct(children.map(({ type }, index) => new Field(index === 0 ? 'key' : 'value', type, false)));
  const child = makeData({ type: struct, length: keys.length, nullCount: 0, children });
  const type = new Map_(new Field('entries', struct, false));
  return makeData({ type, length: valueOffsets.length - 1, nullCount: 0, valueOffsets, child });
}

type Entry = readonly [string | number, bigint];

const entriesOf = (value: ColumnValue): readonly Entry[] => (value instanceof Map ? [...value] : []);

function offsets(values: readonly { readonly length: number }[]): Int32Array {
  const ends = new Int32Array(values.length + 1);
  values.forEach((value, index) => {
    ends[index + 1] = (ends[index] ?? 0) + value.length;
  });
  return ends;
}

/** A list's items by its child: Arrow's own lists are a vector for each row. */
function listReader({ children, valueOffsets }: Data): <T>(row: number, of: (item: unknown) => T) => T[] {
  const [itemData] = children;
  if (!itemData) throw new TypeError('a list column has no items');
  const items = makeVector(itemData);
  return (row, of) => {
    const found = [];
    const end = valueOffsets[row + 1] ?? 0;
    for (let at = valueOffsets[row] ?? 0; at < end; at++) found.push(of(items.get(at)));
    return found;
  };
}

/** A map's entries by its child columns: Arrow's own map rows turn every key into a property name. */
function mapReader<K>({ children, valueOffsets }: Data, keyOf: (key: unknown) => K): (row: number) => Map<K, bigint> {
  const [keyData, valueData] = children[0]?.children ?? [];
  if (!keyData || !valueData) throw new TypeError('a map column has no entries');
  const keys = makeVector(keyData);
  const amountAt = integerReader(valueData);
  return (row) => {
    const map = new Map<K, bigint>();
    const end = valueOffsets[row + 1] ?? 0;
    for (let at = valueOffsets[row] ?? 0; at < end; at++) map.set(keyOf(keys.get(at)), amountAt(at));
    return map;
  };
}

/** A column of a record batch is in one piece. */
function dataOf({ data }: Vector): Data {
  const [only] = data;
  if (!only) throw new TypeError('a column has no data');
  return only;
}

const bigintOrZero = (value: ColumnValue): bigint => (typeof value === 'bigint' ? value : 0n);

const numberOrZero = (value: ColumnValue): number => (typeof value === 'number' ? value : 0);
