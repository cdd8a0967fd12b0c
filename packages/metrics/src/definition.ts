import { createHash } from 'node:crypto';
import { CONTRACT_VERSION } from '@tidemark/contracts';
import type { Column } from './column.ts';
import { CUSTOMER_METRICS } from './customer-metrics.ts';
import { REPEAT_CAP } from './id-window.ts';
import type { Measure } from './measure.ts';
import type { Metric } from './metric.ts';
import type { Source } from './source.ts';
import { SOURCES } from './sources.ts';
import { RANK_LIST_LENGTH, RANK_LISTS_VERSION } from './sql/rank.ts';
import { KEPT_HOURS } from './window.ts';

/** Raise it when a fold, a merge, an expansion or an encoding changes what bytes the same events make. */
const FOLD_VERSION = 1;

/** A measured metric with the place of its columns in a state. */
export type LaidMeasure = { readonly name: string; readonly measure: Measure; readonly at: number };

/** Where a keyed source's two counters stand in a state. */
export type SourceCounters = {
  readonly source: Source;
  /** Change rows folded into a delta; zero in batch rows. */
  readonly rowsAt: number;
  /** Keys changed or cancelled but never placed; zero in deltas. */
  readonly unmatchedAt: number;
};

/**
 * All that decides bytes: metrics, sources, contract rules, currency, windows and encodings. Its id is the hash of the
 * content, so two processes that agree on the id agree on every state.
 */
export type Definition = {
  /** 16 lower-case hex digits. */
  readonly id: string;
  readonly currency: string;
  readonly sources: readonly Source[];
  /** Hash of the sources and contract rules alone: what landed rows are filed under. 16 lower-case hex digits. */
  readonly sourcesId: string;
  readonly metrics: readonly Metric[];
  readonly columns: readonly Column[];
  readonly measures: readonly LaidMeasure[];
  readonly measuresBySource: ReadonlyMap<string, readonly LaidMeasure[]>;
  readonly counters: readonly SourceCounters[];
};

export type Registry = { readonly metrics: readonly Metric[]; readonly sources: readonly Source[] };

/** Everything Tidemark ships: the customer metrics over all sources. */
export const CUSTOMER_REGISTRY: Registry = { metrics: CUSTOMER_METRICS, sources: SOURCES };

/** Lays a registry out as columns and names it by its content. */
export function define(currency: string, { metrics, sources }: Registry = CUSTOMER_REGISTRY): Definition {
  const columns: Column[] = [];
  const measures: LaidMeasure[] = [];
  for (const metric of metrics) {
    if (metric.kind !== 'measured') continue;
    measures.push({ name: metric.name, measure: metric.measure, at: columns.length });
    columns.push(...metric.measure.aggregate.columns(metric.name));
  }
  const counters: SourceCounters[] = [];
  for (const source of sources.filter(({ keyed }) => keyed)) {
    counters.push({ source, rowsAt: columns.length, unmatchedAt: columns.length + 1 });
    columns.push({ name: `${source.name}_rows`, type: 'int64' }, { name: `${source.name}_unmatched`, type: 'int64' });
  }
  const measuresBySource = new Map(
    sources.map((source) => [source.name, measures.filter(({ measure }) => measure.source.name === source.name)]),
  );
  const sourcesContent = { fold: FOLD_VERSION, contract: CONTRACT_VERSION, currency, sources };
  return {
    id: contentHash({
      ...sourcesContent,
      metrics: metrics.map(describe),
      repeatCap: REPEAT_CAP,
      keptHours: KEPT_HOURS,
      rankLists: { version: RANK_LISTS_VERSION, length: RANK_LIST_LENGTH },
      columns,
    }),
    currency,
    sources,
    sourcesId: contentHash(sourcesContent),
    metrics,
    columns,
    measures,
    measuresBySource,
    counters,
  };
}

/** The declaration as plain data. SQL stands for filters and expressions: it says all there is to them. */
function describe(metric: Metric): unknown {
  const { about: _prose, ranked: _listing, ...rest } = metric;
  if (rest.kind === 'derived') {
    return { ...rest, expression: rest.expression.sql((name) => name, 'as_of') };
  }
  if (rest.kind !== 'measured') return rest;
  const { source, aggregate, field, filter, window } = rest.measure;
  return {
    ...rest,
    measure: {
      source: source.name,
      aggregate: aggregate.kind,
      field: field?.name ?? null,
      filter: filter?.sql ?? null,
      window: window ? { days: window.days, by: window.by.name } : null,
    },
  };
}

const contentHash = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
