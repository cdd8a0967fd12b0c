import type { Column, ColumnType } from '@tidemark/metrics';
import { openPool } from '@tidemark/postgres';
import { z } from 'zod';
import { checkDefinition, checkSameColumns, checkServing } from '../checked-row.ts';
import type { Serving, ViewStore, Views } from '../port.ts';
import { POSTGRES_TYPES } from './column-type.ts';
import { Database } from './database.ts';
import { compareAndSetServing, readServing } from './pointer-rows.ts';
import { PostgresViews } from './postgres-views.ts';
import { createTables, DDL_LOCK, dropTables, SCHEMA, SHARED_TABLES } from './schema.ts';
import { textOf } from './wire-value.ts';

const SELECT_COLUMNS = `SELECT columns FROM ${SCHEMA}.definition WHERE id = $1`;
const INSERT_DEFINITION = `INSERT INTO ${SCHEMA}.definition (id, columns) VALUES ($1, $2)`;
const SELECT_DEFINITIONS = `SELECT id FROM ${SCHEMA}.definition ORDER BY id`;
const LOCK = `SELECT pg_advisory_xact_lock(${DDL_LOCK})`;

const isColumnType = (given: unknown): given is ColumnType =>
  typeof given === 'string' && Object.hasOwn(POSTGRES_TYPES, given);
const storedColumns = z.array(z.object({ name: z.string(), type: z.custom<ColumnType>(isColumnType) }));

export type PostgresViewsOptions = {
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Connections at most; a read takes two. */
  readonly connections?: number;
};

/**
 * Views in PostgreSQL, in the schema `tidemark_views`, which is made when it isn't there. Fails with
 * TIDEMARK_VIEWS_UNAVAILABLE, which is retryable, when the server can't be reached.
 */
export async function openPostgresViews(url: string, options: PostgresViewsOptions = {}): Promise<ViewStore> {
  const database = new Database(
    openPool(url, { applicationName: options.applicationName ?? 'tidemark views', max: options.connections ?? 8 }),
  );
  try {
    await database.transaction(async (client) => {
      await client.query(LOCK);
      await client.query(SHARED_TABLES);
    });
  } catch (error) {
    await database.close();
    throw error;
  }
  return new PostgresStore(database);
}

class PostgresStore implements ViewStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async serving(): Promise<Serving | null> {
    return await readServing(this.#database);
  }

  async compareAndSetServing(expected: Serving | null, next: Serving): Promise<boolean> {
    checkServing(next);
    return await compareAndSetServing(this.#database, expected, next);
  }

  async open(definition: { readonly id: string; readonly columns: readonly Column[] }): Promise<Views> {
    checkDefinition(definition);
    const { id, columns } = definition;
    const stored = (await this.#columns(id)) ?? (await this.#create(id, columns));
    checkSameColumns(id, stored, columns);
    return new PostgresViews(this.#database, definition);
  }

  async find(definitionId: string): Promise<Views | null> {
    const columns = await this.#columns(definitionId);
    return columns && new PostgresViews(this.#database, { id: definitionId, columns });
  }

  async definitions(): Promise<readonly string[]> {
    return (await this.#database.run('definitions', SELECT_DEFINITIONS, [])).map(([id]) => textOf(id));
  }

  async drop(definitionId: string): Promise<void> {
    await this.#database.transaction(async (client) => {
      await client.query(LOCK);
      await client.query(dropTables(definitionId));
      await client.query(`DELETE FROM ${SCHEMA}.live_pointer WHERE definition = $1`, [definitionId]);
      await client.query(`DELETE FROM ${SCHEMA}.definition WHERE id = $1`, [definitionId]);
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #columns(id: string): Promise<readonly Column[] | null> {
    const [row] = await this.#database.run('columns', SELECT_COLUMNS, [id]);
    return row === undefined ? null : storedColumns.parse(row[0]);
  }

  /** Makes the tables, or finds that another process was faster. Answers the columns they have. */
  async #create(id: string, columns: readonly Column[]): Promise<readonly Column[]> {
    return await this.#database.transaction(async (client) => {
      await client.query(LOCK);
      const { rows } = await client.query<{ columns: unknown }>(SELECT_COLUMNS, [id]);
      if (rows[0] !== undefined) return storedColumns.parse(rows[0].columns);
      await client.query(createTables(id, columns));
      await client.query(INSERT_DEFINITION, [id, JSON.stringify(columns)]);
      return columns;
    });
  }
}
