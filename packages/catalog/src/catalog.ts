import { openPool } from '@tidemark/postgres';
import { createCutLock } from './cut-lock.ts';
import { createDrifts, type Drifts } from './drifts.ts';
import { createImports, type Imports } from './imports.ts';
import { migrate } from './migrate.ts';
import { acquireRunLock, type RunLock } from './run-lock.ts';
import { createRuns, type Runs } from './runs.ts';
import { createSettings, type Settings } from './settings.ts';
import { createUnknownFields, type UnknownFields } from './unknown-fields.ts';

/** Runs, drift, imports, counts and settings, in the PostgreSQL schema `tidemark_catalog`. */
export type Catalog = Runs &
  Drifts &
  Imports &
  UnknownFields &
  Settings & {
    /** The right to run a batch; null when another process has it. It goes with a holder that is killed. */
    acquireRunLock(): Promise<RunLock | null>;
    close(): Promise<void>;
  };

/** Opens the catalog and brings its tables up to date. Any number of processes may do so at once. */
export async function openCatalog(url: string): Promise<Catalog> {
  const pool = openPool(url, { applicationName: 'tidemark catalog' });
  try {
    await migrate(url, pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const cutLock = createCutLock(pool);
  return {
    ...createRuns(pool, cutLock),
    ...createDrifts(pool),
    ...createImports(pool, cutLock),
    ...createUnknownFields(pool),
    ...createSettings(pool),
    acquireRunLock: () => acquireRunLock(url),
    close: () => pool.end(),
  };
}
