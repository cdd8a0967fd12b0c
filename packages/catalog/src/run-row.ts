import type { Run, RunStep, StepName } from './port.ts';

/** A row of `tidemark_catalog.runs`, with its steps beside, as it comes from `pg`. */
export type RunRow = {
  readonly generation: bigint;
  readonly definition: string;
  readonly status: Run['status'];
  readonly partitions: readonly number[];
  readonly imports: bigint;
  readonly barrier_at: Date;
  readonly cut: Readonly<Record<string, string>> | null;
  readonly began_publishing_at: Date | null;
  readonly published_at: Date | null;
  readonly base: bigint | null;
  readonly excluded: readonly bigint[] | null;
  readonly snapshot_path: string | null;
  readonly snapshot_sha256: string | null;
  readonly reason: string | null;
};

export type StepRow = {
  readonly generation: bigint;
  readonly name: StepName;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly counts: RunStep['counts'];
};

const stepOf = (row: StepRow): RunStep => ({
  name: row.name,
  startedAtMs: row.started_at.getTime(),
  endedAtMs: row.ended_at?.getTime() ?? null,
  counts: row.counts,
});

export function runOf(row: RunRow, steps: readonly StepRow[]): Run {
  const { snapshot_path: path, snapshot_sha256: sha256 } = row;
  return {
    generation: Number(row.generation),
    definition: row.definition,
    status: row.status,
    partitions: row.partitions,
    imports: Number(row.imports),
    barrierAtMs: row.barrier_at.getTime(),
    cut: row.cut && new Map(Object.entries(row.cut).map(([partition, offset]) => [Number(partition), BigInt(offset)])),
    beganPublishingAtMs: row.began_publishing_at?.getTime() ?? null,
    publishedAtMs: row.published_at?.getTime() ?? null,
    base: row.base === null ? null : Number(row.base),
    excluded: row.excluded?.map(Number) ?? null,
    snapshot: path === null || sha256 === null ? null : { path, sha256 },
    reason: row.reason,
    steps: steps.filter((step) => step.generation === row.generation).map(stepOf),
  };
}

/** A cut as the column keeps it: offsets as text, for JSON has no bigint. */
export const cutJson = (cut: ReadonlyMap<number, bigint>): string =>
  JSON.stringify(Object.fromEntries([...cut].map(([partition, offset]) => [String(partition), offset.toString()])));
