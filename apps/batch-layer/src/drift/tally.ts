import type { CauseDrift, Drift, DriftEvent, DriftExample, DriftFigures, MetricDrift } from '@tidemark/catalog';
import { formatMoney } from '@tidemark/contracts';
import type { Definition, DriftCause, Metric } from '@tidemark/metrics';
import { type Difference, isNumber } from './difference.ts';

const EXAMPLES = 3;

/** A difference that was explained: its cause and, made when they are asked for, the events behind it. */
export type Explained = Difference & { readonly cause: DriftCause; readonly events: () => readonly DriftEvent[] };

type Figures = { customers: number; total: bigint; largest: bigint };
type OfCause = Figures & { readonly examples: DriftExample[] };

/** Adds up what differs, by metric and cause: as large as the registry, however many customers there are. */
export class DriftTally {
  readonly #definition: Definition;
  readonly #byMetric = new Map<string, Map<DriftCause, OfCause>>();
  readonly #customersBy = new Map<DriftCause, number>();
  #differing = 0;

  constructor(definition: Definition) {
    this.#definition = definition;
  }

  add(customerId: string, explained: readonly Explained[]): void {
    this.#differing++;
    for (const cause of new Set(explained.map((difference) => difference.cause))) {
      this.#customersBy.set(cause, (this.#customersBy.get(cause) ?? 0) + 1);
    }
    for (const { metric, cause, amount, before, after, events } of explained) {
      const causes = this.#byMetric.get(metric.name) ?? new Map<DriftCause, OfCause>();
      this.#byMetric.set(metric.name, causes);
      const figures = causes.get(cause) ?? { ...none(), examples: [] };
      causes.set(cause, figures);
      count(figures, { customers: 1, total: amount ?? 0n, largest: amount ?? 0n });
      if (figures.examples.length < EXAMPLES)
        figures.examples.push({ customer_id: customerId, before, after, events: events() });
    }
  }

  get differing(): number {
    return this.#differing;
  }

  get causes(): Drift['causes'] {
    return Object.fromEntries(this.#customersBy);
  }

  metrics(): readonly MetricDrift[] {
    return this.#definition.metrics.flatMap((metric): MetricDrift[] => {
      const causes = this.#byMetric.get(metric.name);
      if (!causes) return [];
      const all = none();
      for (const figures of causes.values()) count(all, figures);
      const byCause = [...causes].map(
        ([cause, figures]): CauseDrift => ({ cause, ...this.#written(metric, figures), examples: figures.examples }),
      );
      byCause.sort((a, b) => b.customers - a.customers || (a.cause < b.cause ? -1 : 1));
      return [{ metric: metric.name, unit: metric.unit, ...this.#written(metric, all), causes: byCause }];
    });
  }

  #written(metric: Metric, { customers, total, largest }: Figures): DriftFigures {
    if (!isNumber(metric)) return { customers, total: null, largest: null };
    const text = (amount: bigint) =>
      metric.unit === 'money' ? formatMoney(amount, this.#definition.currency) : amount.toString();
    return { customers, total: text(total), largest: text(largest) };
  }
}

const none = (): Figures => ({ customers: 0, total: 0n, largest: 0n });

function count(into: Figures, { customers, total, largest }: Figures): void {
  into.customers += customers;
  into.total += total;
  if (size(largest) > size(into.largest)) into.largest = largest;
}

const size = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
