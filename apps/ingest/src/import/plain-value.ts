import { formatMoney, minorDigits } from '@tidemark/contracts';
import { identifier } from '@tidemark/duckdb';
import type { FieldKind } from './import-source.ts';
import { fieldColumn } from './mapped-lines.ts';

/** Bytes of an identifier: enough for what people use, and room for what is put behind it. */
const MAX_BYTES = 128;
/** Characters of an amount, so that its minor units are below ten to this. */
const MAX_AMOUNT_CHARS = 15;
/** Times from 1970 on and before this, UTC milliseconds. */
const END_MS = Date.UTC(2999, 0, 1);

/**
 * SQL of whether a value is plain, so that SQL may put it into an event as it is. True of a missing one; null for kinds of
 * which no value is.
 */
export function plainSql(name: string, kind: FieldKind): string | null {
  const column = fieldColumn(name);
  switch (kind) {
    case 'id':
      // Printable ASCII without the two characters that JSON escapes.
      return `coalesce(strlen(${column}) <= ${MAX_BYTES} AND regexp_full_match(${column}, '[ !#-\\[\\]-~]+'), true)`;
    case 'money':
      return `coalesce(strlen(${column}) <= ${MAX_AMOUNT_CHARS} AND NOT starts_with(${column}, '-'), true)`;
    case 'time':
      return `coalesce(${column} >= 0 AND ${column} < ${END_MS}, true)`;
    default:
      return null;
  }
}

/** What differs between rows that are otherwise the same: a value that stands for all of them, and SQL of each row's own. */
export type Variable = {
  /** As it stands in text. */
  readonly text: string;
  readonly textSql: string;
  /** As it stands in a column that is no text; null: nowhere. */
  readonly value: bigint | null;
  readonly valueSql: string;
};

/** A set of plain values, one for each place in a row, all of them different. */
export type ValueSet = {
  id(place: number): string;
  minor(place: number): bigint;
  timeMs(place: number): number;
  readonly line: number;
};

export const INNER_VALUES: ValueSet = {
  id: (place) => `<id ${place}>`,
  minor: (place) => 700_000_000n + BigInt(place),
  timeMs: (place) => Date.UTC(2001, 1, 3, 4, 5, 6, 100 + place),
  line: 8_888_888_888,
};

/** The longest and latest, or just beyond. */
export const HIGHEST_VALUES: ValueSet = {
  id: (place) => `<last ${place}>`.padStart(MAX_BYTES, '~'),
  minor: (place) => 10n ** BigInt(MAX_AMOUNT_CHARS) + BigInt(place),
  timeMs: (place) => END_MS + place,
  line: 4_444_444_444_444,
};

/** The shortest and earliest: here they are not different. */
export const LOWEST_VALUES: ValueSet = { id: () => ' ', minor: () => 0n, timeMs: () => 0, line: 2 };

/** The variable of a field; null for kinds that have none. */
export function fieldVariable(
  { name, kind }: { readonly name: string; readonly kind: FieldKind },
  place: number,
  values: ValueSet,
  currency: string,
): Variable | null {
  const column = fieldColumn(name);
  switch (kind) {
    case 'id':
      return { text: values.id(place), textSql: column, value: null, valueSql: column };
    case 'money': {
      const minor = values.minor(place);
      const digits = minorDigits(currency) === 0 ? column : `replace(${column}, '.', '')`;
      return { text: formatMoney(minor, currency), textSql: column, value: minor, valueSql: `${digits}::BIGINT` };
    }
    case 'time': {
      const ms = values.timeMs(place);
      return { text: new Date(ms).toISOString(), textSql: timeColumn(name), value: BigInt(ms), valueSql: column };
    }
    default:
      return null;
  }
}

/** The column of a time's text beside that of its milliseconds: it is needed more than once, and takes long to make. */
export const timeColumn = (name: string): string => identifier(`t_${name}`);

/** SQL of what is in it. */
export const timeTextSql = (name: string): string =>
  `strftime(make_timestamp(${fieldColumn(name)} * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')`;
