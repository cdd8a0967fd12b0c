import type { Column, ColumnType } from '@tidemark/metrics';
import { openPool } from '@tidemark/postgres';
import { z } from 'zod';
import { checkDefinition, checkSameColumns, checkServing } from '../checked-row.ts';
import type { Serving, ViewStore, Views } from '../port.ts';
import { tableSet } from '../table-set.ts';
import { POSTGRES_TYPES } from './column-type.ts';
import { Database, type Row } from './database.ts';
import { compareAndSetServing, readServing } from './pointer-rows.ts';
import { PostgresViews } from './postgres-views.ts';
import { createTables, DDL_LOCK, dropTables, SCHEMA, SHARED_TABLES } from './schema.ts';
import { booleanOf, numberOf, textOf } from './wire-value.ts';

const SELECT_DEFINITION = `SELECT columns, life, dropped FROM ${SCHEMA}.definition WHERE id = $1`;
const BEGIN_LIFE = `INSERT INTO ${SCHEMA}.definition (id, columns, life) VALUES ($1, $2, $3)
  ON CONFLICT (id) DO UPDATE SET columns = excluded.columns, life = excluded.life, dropped = false`;
const END_LIFE = `UPDATE ${SCHEMA}.definition SET dropped = true WHERE id = $1`;
const SELECT_DEFINITIONS = `SELECT id FROM ${SCHEMA}.definition WHERE NOT dropped ORDER BY id`;
const LOCK = `SELECT pg_advisory_xact_lock(${DDL_LOCK})`;

const isColumnType = (given: unknown): given is ColumnType =>
  typeof given === 'string' && Object.hasOwn(POSTGRES_TYPES, given);
const storedColumns = z.array(z.object({ name: z.string(), type: z.custom<ColumnType>(isColumnType) }));

/** A definition that has or had tables. */
type DefinitionRow = { readonly columns: readonly Column[]; readonly life: number; readonly dropped: boolean };

export type PostgresViewsOptions = {
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Connections at most. */
  readonly connections?: number;
};

/**
 * Views in PostgreSQL, in the schema `tidemark_views`, which is made when it isn't there. Fails with
 * TIDEMARK_VIEWS_UNAVAILABLE, which is retryable, when the server can't be reached.
 */
export async function openPostgresViews(url: string, options: PostgresViewsOptions = {}): Promise<ViewStore> {
  const database = new Database(
    openPool(url, {
      applicationName: options.applicationName ?? 'tidemark views',
      max: options.connections ?? 8,
      byKey: true,
    }),
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
    const row = await this.#row(id);
    const there = row === null || row.dropped ? await this.#create(id, columns) : row;
    checkSameColumns(id, there.columns, columns);
    return new PostgresViews(this.#database, { ...definition, life: there.life });
  }

  async find(definitionId: string): Promise<Views | null> {
    const row = await this.#row(definitionId);
    return row === null || row.dropped ? null : new PostgresViews(this.#database, { id: definitionId, ...row });
  }

  async definitions(): Promise<readonly string[]> {
    return (await this.#database.run('definitions', SELECT_DEFINITIONS, [])).map(([id]) => textOf(id));
  }

  async drop(definitionId: string): Promise<void> {
    await this.#database.transaction(async (client) => {
      await client.query(LOCK);
      const { rows } = await client.query<unknown[]>({
        text: SELECT_DEFINITION,
        values: [definitionId],
        rowMode: 'array',
      });
      const row = definitionRow(rows[0]);
      if (row === null || row.dropped) return;
      const set = tableSet(definitionId, row.life);
      await client.query(END_LIFE, [definitionId]);
      await client.query(dropTables(set));
      await client.query(`DELETE FROM ${SCHEMA}.live_pointer WHERE definition = $1`, [set]);
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #row(id: string): Promise<DefinitionRow | null> {
    const [row] = await this.#database.run('definition', SELECT_DEFINITION, [id]);
    return definitionRow(row);
  }

  /** Makes the tables of the definition's next life, or finds that another process was faster. */
  async #create(id: string, columns: readonly Column[]): Promise<DefinitionRow> {
    return await this.#database.transaction(async (client) => {
      await client.query(LOCK);
      const { rows } = await client.query<unknown[]>({ text: SELECT_DEFINITION, values: [id], rowMode: 'array' });
      const before = definitionRow(rows[0]);
      if (before !== null && !before.dropped) return before;
      const life = (before?.life ?? 0) + 1;
      await client.query(createTables(tableSet(id, life), columns));
      await client.query(BEGIN_LIFE, [id, JSON.stringify(columns), life]);
      return { columns, life, dropped: false };
    });
  }
}

function definitionRow(row: Row | undefined): DefinitionRow | null {
  if (row === undefined) return null;
  const [columns, life, dropped] = row;
  return { columns: storedColumns.parse(columns), life: numberOf(life), dropped: booleanOf(dropped) };
}
