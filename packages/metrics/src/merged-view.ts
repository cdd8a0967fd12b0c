import { formatMoney, formatTime } from '@tidemark/contracts';
import type { FinishedValue } from './aggregate.ts';
import type { ColumnValue } from './column.ts';
import type { Definition } from './definition.ts';
import { mergeStates, zeroState } from './fold.ts';
import type { Metric } from './metric.ts';
import { bigintAt } from './state.ts';

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
  const finished = finishAll(definition, states, asOfMs);
  const metrics: Record<string, MetricValue> = {};
  const provisional: string[] = [];
  for (const metric of definition.metrics) {
    const result = finished.get(metric.name);
    metrics[metric.name] = present(metric, result?.value ?? null, definition.currency);
    if (result?.provisional) provisional.push(metric.name);
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
  const result = finishAll(definition, states, asOfMs).get(metric);
  if (!result) throw new RangeError(`${metric} is no metric of this definition`);
  const { value, provisional } = result;
  if (typeof value === 'bigint' || value === null) return { score: value, provisional };
  if (typeof value === 'number') return { score: BigInt(value), provisional };
  throw new TypeError(`${metric} has no order`);
}

type Result = { readonly value: Value; readonly provisional: boolean };

function finishAll(
  definition: Definition,
  states: readonly (readonly ColumnValue[])[],
  asOfMs: number,
): ReadonlyMap<string, Result> {
  const merged = zeroState(definition);
  for (const state of states) mergeStates(definition, merged, state);

  const doubtful = new Set<string>();
  for (const { source, rowsAt, unmatchedAt } of definition.counters) {
    // A key the batch side saw change but never placed may be placed, or taken back again, by these very rows.
    if (bigintAt(merged, unmatchedAt) > 0n && bigintAt(merged, rowsAt) > 0n) doubtful.add(source.name);
  }

  const results = new Map<string, Result>();
  for (const { name, measure, at } of definition.measures) {
    const { value, provisional } = measure.aggregate.finish(merged, at, asOfMs);
    results.set(name, { value, provisional: provisional || doubtful.has(measure.source.name) });
  }
  const byName = new Map(definition.metrics.map((metric) => [metric.name, metric]));
  const resolve = (name: string): Result => {
    const known = results.get(name);
    if (known) return known;
    const metric = byName.get(name);
    if (!metric || metric.kind === 'measured') throw new RangeError(`${name} is no metric of this definition`);
    const result = derive(metric, resolve, asOfMs);
    results.set(name, result);
    return result;
  };
  for (const name of byName.keys()) resolve(name);
  return results;
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
