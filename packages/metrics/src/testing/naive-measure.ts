import { compareUtf8 } from '@tidemark/contracts';
import type { FinishedValue } from '../aggregate.ts';
import type { Measure } from '../measure.ts';
import type { Row } from '../source.ts';

/** A row of a measure's source, put in or taken back. */
export type SignedRow = {
  readonly sign: 1 | -1;
  readonly row: Row;
  readonly occurredAt: number;
  readonly eventId: string;
};

type Scalar = string | number | bigint | boolean | null;
type Counted = { readonly sign: 1 | -1; readonly value: Scalar; readonly occurredAt: number; readonly eventId: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * What a measure's declaration says its value is, of all rows at once: the rows that count, grouped by value, sorted,
 * the ones taken back subtracted. Knows nothing of states, so any measure that can be declared can be asked.
 */
export function naiveMeasure(measure: Measure, rows: readonly SignedRow[], asOfMs: number): FinishedValue {
  const counted = rows.flatMap(({ row, ...rest }): Counted[] => {
    if (measure.filter && !measure.filter.test(row)) return [];
    if (measure.window && !isInside(row[measure.window.by.name], measure.window.days, asOfMs)) return [];
    const value = measure.field ? row[measure.field.name] : null;
    if (value === undefined || (value === null && measure.field && measure.aggregate.kind !== 'latest')) return [];
    return [{ ...rest, value }];
  });
  switch (measure.aggregate.kind) {
    case 'sum':
      return counted.reduce((total, { sign, value }) => total + BigInt(sign) * BigInt(value ?? 0), 0n);
    case 'count':
      if (measure.field === null) return counted.reduce((total, { sign }) => total + BigInt(sign), 0n);
      return new Map([...net(counted)].map(([value, times]) => [String(value), times]));
    case 'min':
      return number(standing(counted).sort(ascending)[0]);
    case 'max':
      return number(standing(counted).sort(ascending).at(-1));
    case 'distinct':
      return BigInt(standing(counted).length);
    case 'latest':
      return scalar(
        counted
          .filter(({ sign }) => sign === 1)
          .sort(byTime)
          .at(-1)?.value,
      );
  }
}

function isInside(time: Row[string], days: number, asOfMs: number): boolean {
  const wholeHours = (ms: number) => ms - (ms % HOUR_MS);
  return typeof time === 'number' && wholeHours(time) > wholeHours(asOfMs) - (days + 1) * DAY_MS;
}

function net(rows: readonly Counted[]): Map<Scalar, bigint> {
  const times = new Map<Scalar, bigint>();
  for (const { value, sign } of rows) times.set(value, (times.get(value) ?? 0n) + BigInt(sign));
  return new Map([...times].filter(([, sum]) => sum !== 0n));
}

const standing = (rows: readonly Counted[]): Scalar[] =>
  [...net(rows)].flatMap(([value, times]) => (times > 0n ? [value] : []));

function ascending(a: Scalar, b: Scalar): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b);
  return a < b ? -1 : Number(a > b);
}

const byTime = (a: Counted, b: Counted): number =>
  a.occurredAt - b.occurredAt || compareUtf8(a.eventId, b.eventId) || ascending(a.value, b.value);

const number = (value: Scalar | undefined): bigint | number | null =>
  typeof value === 'bigint' || typeof value === 'number' ? value : null;

const scalar = (value: Scalar | undefined): bigint | number | string | null =>
  value === undefined || typeof value === 'boolean' ? null : value;
