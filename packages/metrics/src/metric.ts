import type { Expression } from './expression.ts';
import type { Measure } from './measure.ts';

/** What a value means, and so how it is written: money as a decimal string, times as RFC 3339, counts as integers. */
export type Unit = 'money' | 'count' | 'days' | 'time' | 'year' | 'text' | 'counts by text' | 'boolean' | 'reasons';

type Described = {
  readonly name: string;
  readonly unit: Unit;
  /** One sentence for people: what the number says. */
  readonly about: string;
  /** Customers can be ranked by it, the highest first. */
  readonly ranked: boolean;
};

/** Aggregated from the rows of a source. */
export type MeasuredMetric = Described & { readonly kind: 'measured'; readonly measure: Measure };

/** Computed from other metrics when it is read. */
export type DerivedMetric = Described & { readonly kind: 'derived'; readonly expression: Expression };

/** The names of the conditions that hold: metric ≥ threshold. */
export type ReasonsMetric = Described & { readonly kind: 'reasons'; readonly reasons: readonly Reason[] };
export type Reason = { readonly name: string; readonly metric: string; readonly atLeast: number };

/** True when any reason of a reasons metric holds. */
export type FlagMetric = Described & { readonly kind: 'flag'; readonly reasons: string };

export type Metric = MeasuredMetric | DerivedMetric | ReasonsMetric | FlagMetric;

type Options = { readonly unit?: Unit; readonly ranked?: true };

export function measured(about: string, measure: Measure, options: Options = {}): Undeclared<MeasuredMetric> {
  return { kind: 'measured', about, measure, unit: options.unit ?? unitOf(measure), ranked: options.ranked ?? false };
}

export function derived(
  about: string,
  unit: Unit,
  expression: Expression,
  options: Options = {},
): Undeclared<DerivedMetric> {
  return { kind: 'derived', about, unit, expression, ranked: options.ranked ?? false };
}

export function reasons(
  about: string,
  list: Readonly<Record<string, Omit<Reason, 'name'>>>,
): Undeclared<ReasonsMetric> {
  const named = Object.entries(list).map(([name, reason]) => ({ name, ...reason }));
  return { kind: 'reasons', about, unit: 'reasons', reasons: named, ranked: false };
}

export function flag(about: string, reasonsMetric: string): Undeclared<FlagMetric> {
  return { kind: 'flag', about, unit: 'boolean', reasons: reasonsMetric, ranked: false };
}

type Undeclared<M extends Metric> = Omit<M, 'name'>;

/** Gives each declaration its name. Order of the object is the order of answers and columns. */
export function declare(
  metrics: Readonly<
    Record<
      string,
      Undeclared<MeasuredMetric> | Undeclared<DerivedMetric> | Undeclared<ReasonsMetric> | Undeclared<FlagMetric>
    >
  >,
): readonly Metric[] {
  return Object.entries(metrics).map(([name, rest]) => ({ ...rest, name }));
}

function unitOf(measure: Measure): Unit {
  if (measure.money) return 'money';
  const [first] = measure.aggregate.columns('x');
  if (measure.aggregate.kind === 'latest') return 'text';
  if (first?.type === 'timestamp') return 'time';
  return first?.type === 'text_counts' ? 'counts by text' : 'count';
}
