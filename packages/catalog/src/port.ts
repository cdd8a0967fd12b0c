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

export type StepName = 'barrier' | 'land' | 'recompute' | 'validate' | 'publish' | 'clean';

export type RunStep = {
  readonly name: StepName;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Inputs, outputs and counts, as the step names them. Decimal strings where a number may pass 2^53. */
  readonly counts: Readonly<Record<string, string | number>>;
};
