import type { Aggregate, Input, SqlInput } from './aggregate.ts';
import { count as additiveCount, sum as additiveSum } from './aggregates/additive.ts';
import { countBy } from './aggregates/count-by.ts';
import { distinct as distinctText } from './aggregates/distinct.ts';
import { extreme } from './aggregates/extreme.ts';
import { hourlyCount, hourlySum } from './aggregates/hourly.ts';
import { latest as latestValue } from './aggregates/latest.ts';
import type { ColumnType } from './column.ts';
import { column, type Filter } from './filter.ts';
import type { Field, FieldRef, FieldType, FieldValue, Row, Source } from './source.ts';
import { presenceColumn } from './sql/row-columns.ts';
import { floorHour, MAX_WINDOW_DAYS } from './window.ts';

/** A window of the last `days` by a time field of the row. */
export type Window = { readonly days: number; readonly by: Field };

/** `aggregate(field).where(filter).over(window)`: what is aggregated, of which rows, over which time. */
export type Measure = {
  readonly source: Source;
  readonly aggregate: Aggregate;
  /** Null when rows themselves are counted. */
  readonly field: Field | null;
  readonly filter: Filter | null;
  readonly window: Window | null;
  /** The finished value is money rather than a plain number. */
  readonly money: boolean;
};

type Builder = Measure & { where(filter: Filter): Builder };
type WindowedBuilder = Measure & { where(filter: Filter): WindowedBuilder; over(days: number, by: FieldRef): Builder };

export const sum = (of: FieldRef): WindowedBuilder =>
  windowed(measure(of.source, additiveSum, typed(of, 'money', 'int')), hourlySum);

export const count = (source: Source): WindowedBuilder => windowed(measure(source, additiveCount, null), hourlyCount);

/** Number of rows for each value of a text field. */
export const countByValue = (of: FieldRef): Builder => filtered(measure(of.source, countBy, typed(of, 'text')));

export const min = (of: FieldRef): Builder =>
  filtered(measure(of.source, extreme('min', columnType(of.field)), of.field));

export const max = (of: FieldRef): Builder =>
  filtered(measure(of.source, extreme('max', columnType(of.field)), of.field));

/** Number of different values of a text field. */
export const distinct = (of: FieldRef): Builder => filtered(measure(of.source, distinctText, typed(of, 'text')));

/** The newest value of a text or integer field. */
export const latest = (of: FieldRef): Builder =>
  filtered(measure(of.source, latestValue(of.field.type === 'int' ? 'int32' : 'text'), typed(of, 'text', 'int')));

function measure(source: Source, aggregate: Aggregate, field: Field | null): Measure {
  return { source, aggregate, field, filter: null, window: null, money: field?.type === 'money' };
}

const filtered = (base: Measure): Builder => ({ ...base, where: (filter) => filtered({ ...base, filter }) });

const windowed = (base: Measure, aggregate: (days: number) => Aggregate): WindowedBuilder => ({
  ...base,
  where: (filter) => windowed({ ...base, filter }, aggregate),
  over(days, by) {
    if (!Number.isInteger(days) || days < 1 || days > MAX_WINDOW_DAYS) {
      throw new RangeError(`a window is 1 to ${MAX_WINDOW_DAYS} whole days, not ${days}`);
    }
    const isPlain = !by.field.nullable && !by.field.optional && by.source.name === base.source.name;
    if (!isPlain) throw new TypeError(`a window needs a time that every row of ${base.source.name} has`);
    return filtered({ ...base, aggregate: aggregate(days), window: { days, by: typed(by, 'time') } });
  },
});

/** The field, when it is of a type the aggregate takes: a mistake in a declaration must not wait for the first row. */
function typed({ source, field }: FieldRef, ...types: readonly FieldType[]): Field {
  if (types.includes(field.type)) return field;
  throw new TypeError(`${source.name}.${field.name} is ${field.type}, here it must be ${types.join(' or ')}`);
}

function columnType(field: Field): ColumnType {
  if (field.type === 'time') return 'timestamp';
  if (field.type === 'money') return 'varint';
  if (field.type === 'int') return 'int32';
  throw new TypeError(`min and max take money, a time or an integer, not ${field.type}`);
}

/** What a row means to a measure; null when it does not count for it. */
export function inputOf(of: Measure, row: Row, occurredAt: number, eventId: string): Input | null {
  if (of.filter && !of.filter.test(row)) return null;
  const value = of.field ? row[of.field.name] : null;
  if (value === undefined) return null;
  if (value === null && of.field && of.aggregate.kind !== 'latest') return null;
  const hour = of.window ? hourOf(row[of.window.by.name]) : null;
  return { value, hour, occurredAt, eventId };
}

/**
 * Two inputs between which the measure sees no difference: a −/+ pair of them changes nothing. `latest` sees one in
 * every pair: the row put in place has a time of its own, and that of the row taken back is not known.
 */
export const sameInput = (of: Measure, a: Input, b: Input): boolean =>
  of.aggregate.kind !== 'latest' && a.value === b.value && a.hour === b.hour;

function hourOf(value: FieldValue): number {
  if (typeof value !== 'number') throw new TypeError('a window needs a time');
  return floorHour(value);
}

/** The measure's columns as SQL over the source's consolidated rows, in the order of its aggregate's columns. */
export function measureSql(of: Measure, oldestHour: string): readonly string[] {
  const value = of.field ? column(of.field) : 'NULL';
  const conditions = [
    ...(of.filter ? [of.filter.sql] : []),
    ...(of.field?.optional ? [`"${presenceColumn(of.field)}"`] : []),
    ...(of.field?.nullable && of.aggregate.kind !== 'latest' ? [`${value} IS NOT NULL`] : []),
  ];
  const input: SqlInput = {
    value,
    filter: conditions.join(' AND ') || 'TRUE',
    hour: of.window ? `(${column(of.window.by)} // 3600000)` : 'NULL',
    occurredAt: 'occurred_at',
    eventId: 'event_id',
    oldestHour,
  };
  return of.aggregate.sql(input);
}
