import type { ColumnType, ColumnValue } from '@tidemark/metrics';
import { EMPTY, int32Bytes, int64Bytes, listBytes, mapBytes, textBytes, varintBytes } from './wire-bytes.ts';
import { bigintOf, entriesOf, millisecondsOf, numberOf, textOf, textsOf, varintOf } from './wire-value.ts';

/*
 * How a state is kept in Cassandra: each column in a type that a person reads in cqlsh.
 *
 * Every column of a row is written every time, and none as null: a null is a tombstone that stays in the way of reads, and
 * a column left out tears the row between two writers. So `null` has an encoding of its own in each type:
 * - numbers, times and texts: the empty value, of zero bytes. It is a live cell, and clients show it as null (a text as '').
 * - the empty text would be the same, and is kept as one NUL, which no text of ours contains.
 * - sets and maps have no value of zero bytes. What none of ours contains stands for null: a NUL, a count of zero.
 */

/** Values have passed `checkState` before `encode`. */
export type CassandraType = {
  /** As `system_schema.columns` says it, too. */
  readonly cql: string;
  readonly encode: (value: ColumnValue) => Buffer;
  readonly decode: (value: unknown) => ColumnValue;
};

const HOUR_MS = 3_600_000;
const NUL = '\0';
const NULL_TEXTS = listBytes([textBytes(NUL)]);
const NULL_TEXT_COUNTS = mapBytes([[EMPTY, varintBytes(0n)]]);
const NULL_HOUR_COUNTS = mapBytes([[int64Bytes(0n), varintBytes(0n)]]);

/** Of a type that has an empty value. The driver gives it as null. */
const scalar = (
  cql: string,
  encode: (value: ColumnValue) => Buffer,
  decode: (value: unknown) => ColumnValue,
): CassandraType => ({
  cql,
  encode: (value) => (value === null ? EMPTY : encode(value)),
  decode: (value) => (value === null ? null : decode(value)),
});

export const CASSANDRA_TYPES: Record<ColumnType, CassandraType> = {
  int64: {
    cql: 'bigint',
    // Never null in a state; an empty row has none.
    encode: (value) => (value === null ? EMPTY : int64Bytes(asBigint(value))),
    decode: bigintOf,
  },
  varint: scalar('varint', (value) => varintBytes(asBigint(value)), varintOf),
  int32: scalar('int', (value) => int32Bytes(asNumber(value)), numberOf),
  timestamp: scalar('timestamp', (value) => int64Bytes(BigInt(asNumber(value))), millisecondsOf),
  text: {
    cql: 'text',
    encode: (value) => (value === null ? EMPTY : textBytes(value === '' ? NUL : asText(value))),
    decode: (value) => {
      const text = textOf(value);
      return text === '' ? null : text === NUL ? '' : text;
    },
  },
  text_set: {
    cql: 'frozen<set<text>>',
    encode: (value) => (value === null ? NULL_TEXTS : listBytes(asTexts(value).map(textBytes))),
    decode: (value) => {
      const texts = textsOf(value);
      return texts[0] === NUL ? null : texts;
    },
  },
  text_counts: {
    cql: 'frozen<map<text, varint>>',
    encode: (value) =>
      value === null
        ? NULL_TEXT_COUNTS
        : mapBytes(asEntries(value).map(([key, count]) => [textBytes(asText(key)), varintBytes(count)])),
    decode: (value) => counts(value, textOf),
  },
  hour_counts: {
    cql: 'frozen<map<timestamp, varint>>',
    encode: (value) =>
      value === null
        ? NULL_HOUR_COUNTS
        : mapBytes(
            asEntries(value).map(([hour, count]) => [int64Bytes(BigInt(asNumber(hour) * HOUR_MS)), varintBytes(count)]),
          ),
    decode: (value) => counts(value, (start) => millisecondsOf(start) / HOUR_MS),
  },
};

/** Counts are never zero: one that is says that the column is null. */
function counts<K extends string | number>(value: unknown, key: (value: unknown) => K): ReadonlyMap<K, bigint> | null {
  const entries = entriesOf(value).map(([name, count]) => [key(name), varintOf(count)] as const);
  return entries[0]?.[1] === 0n ? null : new Map(entries);
}

const asBigint = (value: ColumnValue): bigint => (typeof value === 'bigint' ? value : mismatch());
const asNumber = (value: unknown): number => (typeof value === 'number' ? value : mismatch());
const asText = (value: unknown): string => (typeof value === 'string' ? value : mismatch());
const asTexts = (value: ColumnValue): readonly string[] => (Array.isArray(value) ? value : mismatch());
const asEntries = (value: ColumnValue): readonly [unknown, bigint][] =>
  value instanceof Map ? [...value] : mismatch();

function mismatch(): never {
  throw new TypeError('A value that its column does not hold got past its check.');
}
