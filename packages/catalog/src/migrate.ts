import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openPool, type Pool } from '@tidemark/postgres';
import { runner } from 'node-pg-migrate';
import { CatalogError } from './error.ts';

/** Beside `src` and `dist` alike: the SQL is shipped as it is. */
const FOLDER = fileURLToPath(new URL('../migrations', import.meta.url));

const SCHEMA = 'tidemark_catalog';

/** Brings the schema up to date. Several processes may do so at once: they wait for each other. */
export async function migrate(url: string, pool: Pool): Promise<void> {
  // The runner's own connection would end the process when it breaks, and outlives the call; and a migration may take long.
  const own = openPool(url, { applicationName: 'tidemark migrations', max: 1, statementTimeoutMs: 0 });
  try {
    const dbClient = await own.connect();
    await runner({
      dbClient,
      dir: FOLDER,
      direction: 'up',
      schema: SCHEMA,
      createSchema: true,
      migrationsTable: 'migrations',
      singleTransaction: true,
      advisoryLockMode: 'wait',
      log: () => {},
    }).finally(() => dbClient.release());
  } catch (cause) {
    await refuseNewer(pool);
    throw new CatalogError(
      'TIDEMARK_CATALOG_MIGRATION',
      `The catalog could not be brought up to date: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  } finally {
    await own.end();
  }
  await refuseNewer(pool);
}

/** Data of a later version may mean something this one doesn't know. */
async function refuseNewer(pool: Pool): Promise<void> {
  const known = (await readdir(FOLDER))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length));
  const table = await pool.query(`SELECT to_regclass('${SCHEMA}.migrations') IS NOT NULL AS made`);
  if (table.rows[0]?.made !== true) return;
  const { rows } = await pool.query<{ name: string }>(
    `SELECT name FROM ${SCHEMA}.migrations WHERE NOT name = ANY ($1::text[]) ORDER BY id`,
    [known],
  );
  if (rows.length > 0) {
    throw new CatalogError(
      'TIDEMARK_CATALOG_NEWER',
      `The catalog was made by a later Tidemark (it has ${rows.map((row) => row.name).join(', ')}). Use that version, or another folder.`,
    );
  }
}
