import { type Definition, type MergedView, type Metric, type MetricValue, sameValue } from '@tidemark/metrics';

/** A metric of one customer that two views say otherwise. */
export type Difference = {
  readonly metric: Metric;
  readonly before: MetricValue;
  readonly after: MetricValue;
  /** After less before: money in minor units; null when the metric is no number, or one side has no value. */
  readonly amount: bigint | null;
};

/** The metrics of a customer that two views say otherwise, in the registry's order. */
export function differences(definition: Definition, before: MergedView, after: MergedView): readonly Difference[] {
  return definition.metrics.flatMap((metric): Difference[] => {
    const [was, is] = [before.metrics[metric.name] ?? null, after.metrics[metric.name] ?? null];
    if (sameValue(was, is)) return [];
    const [from, to] = [amountOf(metric, was), amountOf(metric, is)];
    return [{ metric, before: was, after: is, amount: from === null || to === null ? null : to - from }];
  });
}

/** True when differences of the metric can be added up. */
export const isNumber = ({ unit }: Metric): boolean => unit === 'money' || unit === 'count' || unit === 'days';

function amountOf(metric: Metric, value: MetricValue): bigint | null {
  if (!isNumber(metric)) return null;
  if (typeof value === 'number') return BigInt(value);
  // Money is written with all digits of its currency: without the point they are its minor units.
  return typeof value === 'string' ? BigInt(value.replace('.', '')) : null;
}
