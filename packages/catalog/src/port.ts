import type { DriftCause, MetricValue } from '@tidemark/metrics';

/** What the catalog keeps of a batch run. Its number is the generation it makes. */
export type Run = {
  readonly generation: number;
  readonly definition: string;
  readonly status: 'running' | 'published' | 'kept' | 'rejected' | 'failed' | 'abandoned';
  /** Frozen in one transaction before the first barrier. */
  readonly partitions: readonly number[];
  readonly imports: number;
  readonly barrierAtMs: number;
  /** Set once land has read them from the log: partition → offset of the first barrier numbered ≥ generation. */
  readonly cut: ReadonlyMap<number, bigint> | null;
  /** Set before the first row is published. */
  readonly beganPublishingAtMs: number | null;
  readonly publishedAtMs: number | null;
  /** The base that publish made its diff against, and the lineage fixed when it was published. */
  readonly base: number | null;
  readonly excluded: readonly number[] | null;
  /** Path of the states' snapshot in the lake, and its SHA-256. */
  readonly snapshot: { readonly path: string; readonly sha256: string } | null;
  readonly reason: string | null;
  readonly steps: readonly RunStep[];
};

export type StepName = 'barrier' | 'land' | 'recompute' | 'validate' | 'publish' | 'drift' | 'clean';

export type RunStep = {
  readonly name: StepName;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Inputs, outputs and counts, as the step names them. Decimal strings where a number may pass 2^53. */
  readonly counts: Readonly<Record<string, string | number>>;
};

/** Where an event stands: in the log, or in an import. Offsets are decimal strings. */
export type DriftPlace =
  | { readonly partition: number; readonly offset: string }
  | { readonly import: number; readonly row: string };

/** An event by what it did: placed, changed or cancelled the row of a key in a source. */
export type DriftEvent = {
  readonly event_id: string;
  readonly source: string;
  readonly kind: string;
  readonly key: string;
  readonly at: DriftPlace;
};

export type DriftExample = {
  readonly customer_id: string;
  /** What the view before the generation said, and what the generation says. */
  readonly before: MetricValue;
  readonly after: MetricValue;
  /** The events behind the difference, as far as they are known, in their order; a few of them. */
  readonly events: readonly DriftEvent[];
};

/**
 * Customers that differ, and by how much: after less before, as a decimal string; money as answers write it. Null where
 * the metric is no number; a side that has no value adds nothing.
 */
export type DriftFigures = {
  readonly customers: number;
  readonly total: string | null;
  /** The one farthest from zero. */
  readonly largest: string | null;
};

export type CauseDrift = DriftFigures & { readonly cause: DriftCause; readonly examples: readonly DriftExample[] };

/** The drift of one metric; each of its customers has one cause. */
export type MetricDrift = DriftFigures & {
  readonly metric: string;
  readonly unit: string;
  readonly causes: readonly CauseDrift[];
};

/** What a generation corrected of the view before it: its base and the deltas up to its cut. */
export type Drift = {
  readonly generation: number;
  readonly status: 'measured' | 'not measured';
  /** Why it was not measured; null when it was. */
  readonly reason: string | null;
  readonly base: number | null;
  /** The moment both sides were finished at. */
  readonly asOfMs: number;
  readonly measuredAtMs: number;
  /** Customers touched or changed that were compared, and those of them that differ. */
  readonly compared: number;
  readonly differing: number;
  /** Customers by cause; one that has several is counted under each. */
  readonly causes: Readonly<Partial<Record<DriftCause, number>>>;
  /** Only metrics that differ, in the registry's order. */
  readonly metrics: readonly MetricDrift[];
};
