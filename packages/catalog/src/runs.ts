import type { Pool } from '@tidemark/postgres';
import type { CutLock } from './cut-lock.ts';
import { CatalogError } from './error.ts';
import type { Run, RunStep, StepName } from './port.ts';
import { cutJson, type RunRow, runOf, type StepRow } from './run-row.ts';

export type BeginRun = {
  readonly definition: string;
  /** The log's partitions now. */
  readonly partitions: readonly number[];
  /** The run's wall clock: it goes into the barriers. */
  readonly atMs: number;
  /** The highest number seen in live pointer, lake and log: no number is used twice, even when this catalog is new. */
  readonly above: number;
  /** Number of the last import, 0 without any. Asked while the cut is held, so that no import can slip in. */
  readonly lastImport: () => Promise<number>;
};

/** What a run learns as it goes. A field that is absent stays. */
export type RunPatch = {
  readonly status?: Exclude<Run['status'], 'published'>;
  readonly cut?: ReadonlyMap<number, bigint>;
  /** Another one than is known is without effect once the run began publishing: its rows are of that. Null: it was removed. */
  readonly snapshot?: Run['snapshot'];
  readonly reason?: string | null;
};

export type Lineage = { readonly base: number | null; readonly excluded: readonly number[] };

export type Runs = {
  /**
   * Freezes a cut: number, partitions (those of every earlier run too, whatever its definition: all runs' barriers divide
   * the same log) and imports, in one transaction, before the first barrier may be appended. A run of the definition that
   * was still going is abandoned: only the newest may be resumed.
   */
  beginRun(begin: BeginRun): Promise<Run>;
  run(generation: number): Promise<Run | null>;
  /** Newest first. */
  runs(filter: { definition?: string; limit: number }): Promise<readonly Run[]>;
  /**
   * What was published stays so, whatever becomes of its later steps or of another process that made the same generation:
   * readers may ask for it.
   */
  updateRun(generation: number, patch: RunPatch): Promise<void>;
  /** A step that is started again forgets its end. */
  startStep(generation: number, name: StepName, atMs: number): Promise<void>;
  endStep(generation: number, name: StepName, atMs: number, counts: RunStep['counts']): Promise<void>;
  /**
   * Must have resolved before the first row of the generation is written. Its first time stays. False when the run's snapshot is
   * not the one that is to be published: another process has made it anew.
   */
  markBegan(generation: number, sha256: string, atMs: number): Promise<boolean>;
  /** Generations of the definition that began publishing, ascending: what lineages are made of. */
  began(definition: string): Promise<readonly number[]>;
  /**
   * The generation is live, with this lineage, which is fixed from now on. Marking it again with the same is harmless,
   * with another is `TIDEMARK_CATALOG_CONFLICT`.
   */
  markPublished(generation: number, published: Lineage & { readonly atMs: number }): Promise<void>;
};

const noRun = (generation: number): CatalogError =>
  new CatalogError('TIDEMARK_CATALOG_NO_RUN', `The catalog has no run ${generation}.`);

export function createRuns(pool: Pool, cutLock: CutLock): Runs {
  const withSteps = async (rows: readonly RunRow[]): Promise<Run[]> => {
    const steps = await pool.query<StepRow>(
      'SELECT * FROM tidemark_catalog.steps WHERE generation = ANY ($1::bigint[]) ORDER BY started_at, name',
      [rows.map((row) => row.generation)],
    );
    return rows.map((row) => runOf(row, steps.rows));
  };

  const changed = async (generation: number, change: Promise<{ rowCount: number | null }>): Promise<void> => {
    if ((await change).rowCount !== 1) throw noRun(generation);
  };

  const run = async (generation: number): Promise<Run | null> => {
    const { rows } = await pool.query<RunRow>('SELECT * FROM tidemark_catalog.runs WHERE generation = $1', [
      generation,
    ]);
    return (await withSteps(rows))[0] ?? null;
  };

  return {
    run,
    beginRun: (begin) =>
      cutLock.hold(async (client) => {
        const imports = await begin.lastImport();
        await client.query('BEGIN');
        await client.query(
          `UPDATE tidemark_catalog.runs SET status = 'abandoned', reason = 'a newer run began'
           WHERE definition = $1 AND status = 'running'`,
          [begin.definition],
        );
        const { rows } = await client.query<RunRow>(
          `INSERT INTO tidemark_catalog.runs (generation, definition, status, partitions, imports, barrier_at)
           SELECT greatest((SELECT coalesce(max(generation), 0) FROM tidemark_catalog.runs), $1::bigint) + 1, $2, 'running',
             ARRAY(SELECT DISTINCT p FROM (
               SELECT unnest($3::int[]) UNION SELECT unnest(partitions) FROM tidemark_catalog.runs
             ) AS known (p) ORDER BY p), $4, $5
           RETURNING *`,
          [begin.above, begin.definition, begin.partitions, imports, new Date(begin.atMs)],
        );
        await client.query('COMMIT');
        const row = rows[0];
        if (row === undefined) throw new Error('An insert of one row answered none.');
        return runOf(row, []);
      }),
    runs: async ({ definition, limit }) => {
      const { rows } = await pool.query<RunRow>(
        `SELECT * FROM tidemark_catalog.runs WHERE $1::text IS NULL OR definition = $1
         ORDER BY generation DESC LIMIT $2`,
        [definition ?? null, limit],
      );
      return withSteps(rows);
    },
    updateRun: (generation, patch) =>
      changed(
        generation,
        pool.query(
          `UPDATE tidemark_catalog.runs SET
             status = CASE WHEN published_at IS NULL THEN coalesce($2, status) ELSE status END,
             cut = coalesce($3::jsonb, cut),
             snapshot_path = CASE WHEN $4 THEN NULL WHEN began_publishing_at IS NULL THEN coalesce($5, snapshot_path)
               ELSE snapshot_path END,
             snapshot_sha256 = CASE WHEN $4 THEN NULL WHEN began_publishing_at IS NULL THEN coalesce($6, snapshot_sha256)
               ELSE snapshot_sha256 END,
             reason = CASE WHEN $7 THEN $8 ELSE reason END
           WHERE generation = $1`,
          [
            generation,
            patch.status ?? null,
            patch.cut === undefined ? null : cutJson(patch.cut),
            patch.snapshot === null,
            patch.snapshot?.path ?? null,
            patch.snapshot?.sha256 ?? null,
            patch.reason !== undefined,
            patch.reason ?? null,
          ],
        ),
      ),
    startStep: async (generation, name, atMs) => {
      if ((await run(generation)) === null) throw noRun(generation);
      await pool.query(
        `INSERT INTO tidemark_catalog.steps (generation, name, started_at) VALUES ($1, $2, $3)
         ON CONFLICT (generation, name) DO UPDATE SET started_at = EXCLUDED.started_at, ended_at = NULL, counts = '{}'`,
        [generation, name, new Date(atMs)],
      );
    },
    endStep: (generation, name, atMs, counts) =>
      changed(
        generation,
        pool.query('UPDATE tidemark_catalog.steps SET ended_at = $3, counts = $4 WHERE generation = $1 AND name = $2', [
          generation,
          name,
          new Date(atMs),
          JSON.stringify(counts),
        ]),
      ),
    markBegan: async (generation, sha256, atMs) => {
      const { rowCount } = await pool.query(
        `UPDATE tidemark_catalog.runs SET began_publishing_at = coalesce(began_publishing_at, $3)
         WHERE generation = $1 AND snapshot_sha256 = $2`,
        [generation, sha256, new Date(atMs)],
      );
      if (rowCount !== 1 && (await run(generation)) === null) throw noRun(generation);
      return rowCount === 1;
    },
    began: async (definition) => {
      const { rows } = await pool.query<{ generation: bigint }>(
        `SELECT generation FROM tidemark_catalog.runs
         WHERE definition = $1 AND began_publishing_at IS NOT NULL ORDER BY generation`,
        [definition],
      );
      return rows.map((row) => Number(row.generation));
    },
    markPublished: async (generation, { base, excluded, atMs }) => {
      const { rowCount } = await pool.query(
        `UPDATE tidemark_catalog.runs
         SET status = 'published', reason = NULL, published_at = coalesce(published_at, $2), base = $3, excluded = $4
         WHERE generation = $1 AND began_publishing_at IS NOT NULL
           AND (published_at IS NULL OR (base IS NOT DISTINCT FROM $3::bigint AND excluded = $4::bigint[]))`,
        [generation, new Date(atMs), base, excluded],
      );
      if (rowCount === 1) return;
      const found = await run(generation);
      if (found === null) throw noRun(generation);
      throw new CatalogError(
        'TIDEMARK_CATALOG_CONFLICT',
        found.beganPublishingAtMs === null
          ? `Generation ${generation} is to be published, but its beginning was never recorded.`
          : `Generation ${generation} was published with another lineage, which is fixed.`,
      );
    },
  };
}
