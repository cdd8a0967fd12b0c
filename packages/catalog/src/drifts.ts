import type { Pool } from '@tidemark/postgres';
import type { Drift } from './port.ts';

export type Drifts = {
  /** Records what a generation corrected; what was recorded of it before is replaced. */
  putDrift(drift: Drift): Promise<void>;
  drift(generation: number): Promise<Drift | null>;
  /** Newest generation first, of those numbered below `below`. */
  drifts(filter: {
    readonly definition: string;
    readonly below: number | null;
    readonly limit: number;
  }): Promise<readonly Drift[]>;
};

/** A row of `tidemark_catalog.drift` as it comes from `pg`. */
type DriftRow = {
  readonly generation: bigint;
  readonly status: Drift['status'];
  readonly reason: string | null;
  readonly base: bigint | null;
  readonly as_of: Date;
  readonly measured_at: Date;
  readonly compared: bigint;
  readonly differing: bigint;
  readonly causes: Drift['causes'];
  readonly metrics: Drift['metrics'];
};

export function createDrifts(pool: Pool): Drifts {
  return {
    putDrift: async (drift) => {
      await pool.query(
        `INSERT INTO tidemark_catalog.drift
           (generation, status, reason, base, as_of, measured_at, compared, differing, causes, metrics)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (generation) DO UPDATE SET
           status = EXCLUDED.status, reason = EXCLUDED.reason, base = EXCLUDED.base, as_of = EXCLUDED.as_of,
           measured_at = EXCLUDED.measured_at, compared = EXCLUDED.compared, differing = EXCLUDED.differing,
           causes = EXCLUDED.causes, metrics = EXCLUDED.metrics`,
        [
          drift.generation,
          drift.status,
          drift.reason,
          drift.base,
          new Date(drift.asOfMs),
          new Date(drift.measuredAtMs),
          drift.compared,
          drift.differing,
          JSON.stringify(drift.causes),
          JSON.stringify(drift.metrics),
        ],
      );
    },
    drift: async (generation) => {
      const { rows } = await pool.query<DriftRow>('SELECT * FROM tidemark_catalog.drift WHERE generation = $1', [
        generation,
      ]);
      return rows[0] ? driftOf(rows[0]) : null;
    },
    drifts: async ({ definition, below, limit }) => {
      const { rows } = await pool.query<DriftRow>(
        `SELECT drift.* FROM tidemark_catalog.drift JOIN tidemark_catalog.runs USING (generation)
         WHERE definition = $1 AND ($2::bigint IS NULL OR generation < $2) ORDER BY generation DESC LIMIT $3`,
        [definition, below, limit],
      );
      return rows.map(driftOf);
    },
  };
}

const driftOf = (row: DriftRow): Drift => ({
  generation: Number(row.generation),
  status: row.status,
  reason: row.reason,
  base: row.base === null ? null : Number(row.base),
  asOfMs: row.as_of.getTime(),
  measuredAtMs: row.measured_at.getTime(),
  compared: Number(row.compared),
  differing: Number(row.differing),
  causes: row.causes,
  metrics: row.metrics,
});
