import { compareUtf8 } from '@tidemark/contracts';
import type { ColumnType, ColumnValue } from '@tidemark/metrics';
import { arrayText, countsText, timestampText } from './wire-text.ts';
import { bigintOf, entriesOf, millisecondsOf, numberOf, textOf, textsOf } from './wire-value.ts';

/** How a column's type is kept in PostgreSQL. Values have passed `checkState` before `encode`. */
export type PostgresType = {
  readonly sql: string;
  /** Element type of the array that carries the column of many rows; arrays of arrays of any length don't exist. */
  readonly carrier: string;
  readonly encode: (value: Exclude<ColumnValue, null>) => string;
  /** Of a value that is not null. */
  readonly decode: (value: unknown) => ColumnValue;
};

const same = (sql: string) => ({ sql, carrier: sql });

export const POSTGRES_TYPES: Record<ColumnType, PostgresType> = {
  int64: { ...same('bigint'), encode: String, decode: bigintOf },
  varint: { sql: 'numeric(38,0)', carrier: 'numeric', encode: String, decode: (value) => BigInt(textOf(value)) },
  int32: { ...same('integer'), encode: String, decode: numberOf },
  timestamp: { ...same('timestamptz'), encode: (value) => timestampText(Number(value)), decode: millisecondsOf },
  text: { ...same('text'), encode: String, decode: textOf },
  text_set: {
    sql: 'text[]',
    carrier: 'text',
    encode: (value) => (Array.isArray(value) ? arrayText(value) : mismatch('text_set')),
    decode: textsOf,
  },
  text_counts: {
    ...same('jsonb'),
    encode: (value) => (value instanceof Map ? countsText(value) : mismatch('text_counts')),
    decode: (value) => new Map(entriesOf(value).sort(([a], [b]) => compareUtf8(a, b))),
  },
  hour_counts: {
    ...same('jsonb'),
    encode: (value) => (value instanceof Map ? countsText(value) : mismatch('hour_counts')),
    decode: (value) =>
      new Map(
        entriesOf(value)
          .map(([hour, count]) => [Number(hour), count] as const)
          .sort(([a], [b]) => a - b),
      ),
  },
};

function mismatch(type: ColumnType): never {
  throw new TypeError(`A value that is no ${type} got past its check.`);
}
