import { formatMoney, formatTime } from '@tidemark/contracts';
import type { FinishedValue } from './aggregate.ts';
import type { ColumnValue } from './column.ts';
import type { Definition, LaidMeasure } from './definition.ts';
import { mergeStates, zeroState } from './fold.ts';
import type { Metric } from './metric.ts';
import { bigintAt, type State } from './state.ts';

/** A metric's value as answers carry it. Money is a decimal string, times are RFC 3339 with `Z`, counts are integers. */
export type MetricValue = string | number | boolean | null | readonly string[] | Readonly<Record<string, number>>;

export type MergedView = {
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** Names of the metrics that may deviate until the next generation, in the registry's order. */
  readonly provisional: readonly string[];
};

/** What a metric is at `asOfMs` before it is written down. */
type Value = FinishedValue | boolean | readonly string[];

const isCounts = (value: Value): value is ReadonlyMap<string, bigint> => value instanceof Map;

const isList = (value: Value): value is readonly string[] => Array.isArray(value);

/**
 * Batch state ⊕ deltas, finished at `asOfMs` (UTC ms): the one merge that every answer goes through. `states` are the
 * customer's batch state and every delta that counts, in any order.
 */
export function mergeView(
  definition: Definition,
  states: readonly (readonly ColumnValue[])[],
  asOfMs: number,
): MergedView {
  const resultAt = finishing(definition, states, asOfMs);
  const metrics: Record<string, MetricValue> = {};
  const provisional: string[] = [];
  for (const [place, metric] of definition.metrics.entries()) {
    const result = resultAt(place);
    metrics[metric.name] = present(metric, result.value, definition.currency);
    if (result.provisional) provisional.push(metric.name);
  }
  return { metrics, provisional };
}

/**
 * A customer's rank under a ranked metric: higher comes first. Null when the metric has no value: such customers are
 * not ranked.
 */
export function rankScore(
  definition: Definition,
  states: readonly (readonly ColumnValue[])[],
  metric: string,
  asOfMs: number,
): { readonly score: bigint | null; readonly provisional: boolean } {
  const place = layoutOf(definition).places.get(metric);
  if (place === undefined) throw noMetric(metric);
  const result = finishing(definition, states, asOfMs)(place);
  const { value, provisional } = result;
  if (typeof value === 'bigint' || value === null) return { score: value, provisional };
  if (typeof value === 'number') return { score: BigInt(value), provisional };
  throw new TypeError(`${metric} has no order`);
}

type Result = { readonly value: Value; readonly provisional: boolean };

/** Where metrics stand in an answer, and what each is measured by; null for one that is derived. */
type Layout = {
  readonly places: ReadonlyMap<string, number>;
  readonly measured: readonly (LaidMeasure | null)[];
};

const layouts = new WeakMap<Definition, Layout>();

function layoutOf(definition: Definition): Layout {
  const known = layouts.get(definition);
  if (known) return known;
  const byName = new Map(definition.measures.map((measure) => [measure.name, measure]));
  const layout = {
    places: new Map(definition.metrics.map(({ name }, place) => [name, place])),
    measured: definition.metrics.map(({ name }) => byName.get(name) ?? null),
  };
  layouts.set(definition, layout);
  return layout;
}

const noMetric = (name: string): RangeError => new RangeError(`${name} is no metric of this definition`);

/** Merges the states; the function it gives finishes the metric at a place, with what it is derived from, once each. */
function finishing(
  definition: Definition,
  states: readonly (readonly ColumnValue[])[],
  asOfMs: number,
): (place: number) => Result {
  const merged = mergedState(definition, states);
  const doubtful = doubtfulSources(definition, merged);
  const { places, measured } = layoutOf(definition);
  const results: (Result | undefined)[] = measured.map(() => undefined);

  const resolve = (name: string): Result => {
    const place = places.get(name);
    if (place === undefined) throw noMetric(name);
    return resultAt(place);
  };
  const resultAt = (place: number): Result => {
    const known = results[place];
    if (known) return known;
    const result = finish(place);
    results[place] = result;
    return result;
  };
  const finish = (place: number): Result => {
    const laid = measured[place];
    if (laid) {
      const { measure, at } = laid;
      const finished = measure.aggregate.finish(merged, at, asOfMs);
      return doubtful.includes(measure.source.name) ? { value: finished.value, provisional: true } : finished;
    }
    const metric = definition.metrics[place];
    if (!metric || metric.kind === 'measured') throw new RangeError(`there is no metric at place ${place}`);
    return derive(metric, resolve, asOfMs);
  };
  return resultAt;
}

function mergedState(definition: Definition, [first, ...rest]: readonly (readonly ColumnValue[])[]): State {
  // Zero is the identity of the merge, so the first state stands for itself.
  const merged = first === undefined ? zeroState(definition) : [...first];
  for (const state of rest) mergeStates(definition, merged, state);
  return merged;
}

/** A key the batch side saw change but never placed may be placed, or taken back again, by rows of a delta. */
function doubtfulSources(definition: Definition, merged: State): readonly string[] {
  return definition.counters
    .filter(({ rowsAt, unmatchedAt }) => bigintAt(merged, unmatchedAt) > 0n && bigintAt(merged, rowsAt) > 0n)
    .map(({ source }) => source.name);
}

/** A derived metric is as provisional as what it is derived from. */
function derive(
  metric: Exclude<Metric, { kind: 'measured' }>,
  resolve: (name: string) => Result,
  asOfMs: number,
): Result {
  const doubtful = (inputs: readonly string[]) => inputs.some((input) => resolve(input).provisional);
  switch (metric.kind) {
    case 'derived': {
      const env = { value: (name: string) => finishedValue(name, resolve(name).value), asOfMs };
      return { value: metric.expression.evaluate(env), provisional: doubtful(metric.expression.inputs) };
    }
    case 'reasons': {
      const holding = metric.reasons.filter(({ metric: input, atLeast }) => {
        const { value } = resolve(input);
        return typeof value === 'bigint' && value >= BigInt(atLeast);
      });
      return {
        value: holding.map(({ name }) => name),
        provisional: doubtful(metric.reasons.map((reason) => reason.metric)),
      };
    }
    case 'flag': {
      const { value, provisional } = resolve(metric.reasons);
      return { value: isList(value) && value.length > 0, provisional };
    }
  }
}

function finishedValue(name: string, value: Value): FinishedValue {
  if (typeof value === 'boolean' || isList(value))
    throw new TypeError(`${name} is not a number: nothing can be derived from it`);
  return value;
}

function present({ name, unit }: Metric, value: Value, currency: string): MetricValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (isCounts(value)) {
    const counts: Record<string, number> = Object.create(null);
    for (const [key, amount] of value) counts[key] = Number(amount);
    return counts;
  }
  if (typeof value === 'bigint' || typeof value === 'number') {
    if (unit === 'money') return formatMoney(BigInt(value), currency);
    if (unit === 'time') return formatTime(Number(value));
    const integer = Number(value);
    if (!Number.isSafeInteger(integer)) throw new RangeError(`${name} is too large for a JSON number`);
    return integer;
  }
  return value;
}
