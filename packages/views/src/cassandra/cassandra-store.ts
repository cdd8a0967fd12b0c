import { randomUUID } from 'node:crypto';
import type { Column } from '@tidemark/metrics';
import { checkDefinition, checkSameColumns, checkServing } from '../checked-row.ts';
import { ViewsError } from '../error.ts';
import type { LivePointer, Serving, ViewStore, Views } from '../port.ts';
import { definitionOfSet, tableSet } from '../table-set.ts';
import { parseCassandraUrl } from './cassandra-url.ts';
import { CassandraViews } from './cassandra-views.ts';
import { ComparedRows } from './compared-row.ts';
import { Connection, type Statements } from './connection.ts';
import { DEFINITION, type DefinitionRow } from './definition-row.ts';
import { ONLY, POINTER, SERVING, sameServing } from './pointer-rows.ts';
import { definitionTables, tableName } from './schema.ts';
import { SchemaMaker } from './schema-maker.ts';

/** Looks at a definition that others make or drop at the same time. */
const TRIES = 20;

export type CassandraViewsOptions = {
  /** Shown in `system_views.clients`. */
  readonly applicationName?: string;
};

/**
 * Views in Cassandra 5, in the keyspace that the URL names; it and its tables are made when they aren't there. Fails with
 * TIDEMARK_VIEWS_UNAVAILABLE, which is retryable, when no node can be reached.
 *
 * `cassandra://[user:password@]host:9042,host2?dc=datacenter1&keyspace=tidemark`, and
 * - `rf` (copies of each row; needed only when the keyspace is to be made)
 * - `consistency` (LOCAL_QUORUM; or QUORUM, ALL)
 * - `tls=true`, `ca` (PEM file, absent: the system's authorities), `cert` and `key` (for nodes that ask for them)
 *
 * The role needs SELECT and MODIFY on the keyspace, and CREATE and DROP only where it is to make and drop tables.
 */
export async function openCassandraViews(url: string, options: CassandraViewsOptions = {}): Promise<ViewStore> {
  const parsed = parseCassandraUrl(url);
  const connection = new Connection(parsed, options.applicationName ?? 'tidemark views');
  await connection.connect();
  try {
    const schema = new SchemaMaker(connection);
    await schema.makeShared(parsed.replication);
    return new CassandraStore(connection, schema);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

export type Definition = { readonly id: string; readonly columns: readonly Column[] };

/** What the store asks of the schema. */
export type Schema = Pick<SchemaMaker, 'make' | 'drop' | 'tableNames'>;

/** Which definitions there are and which is served, over any connection; `openCassandraViews` makes one of real nodes. */
export class CassandraStore implements ViewStore {
  readonly #connection: Statements & Pick<Connection, 'close'>;
  readonly #schema: Schema;
  readonly #pointers: ComparedRows<LivePointer>;
  readonly #serving: ComparedRows<Serving>;
  readonly #definitions: ComparedRows<DefinitionRow>;

  constructor(connection: Statements & Pick<Connection, 'close'>, schema: Schema) {
    this.#connection = connection;
    this.#schema = schema;
    this.#pointers = new ComparedRows(connection, POINTER);
    this.#serving = new ComparedRows(connection, SERVING);
    this.#definitions = new ComparedRows(connection, DEFINITION);
  }

  async serving(): Promise<Serving | null> {
    return await this.#serving.read(ONLY);
  }

  async compareAndSetServing(expected: Serving | null, next: Serving): Promise<boolean> {
    checkServing(next);
    return await this.#serving.compareAndSet(ONLY, sameServing(expected), next);
  }

  async open(definition: Definition): Promise<Views> {
    checkDefinition(definition);
    const { id, columns } = definition;
    for (let tries = 0; tries < TRIES; tries++) {
      const row = await this.#decided(id, columns);
      checkSameColumns(id, row.columns, columns);
      await this.#schema.make(definitionTables(tableSet(id, row.life), columns), row.incarnation);
      // Whoever drops this life after this look finds the tables; who did before may have missed some of them.
      const now = await this.#definitions.read(id);
      if (now?.life === row.life && !now.dropping)
        return new CassandraViews(this.#connection, this.#pointers, { ...definition, life: row.life });
    }
    throw droppedAgain(id);
  }

  async find(definitionId: string): Promise<Views | null> {
    const row = await this.#definitions.read(definitionId);
    if (row === null || row.dropping) return null;
    return new CassandraViews(this.#connection, this.#pointers, { id: definitionId, ...row });
  }

  async definitions(): Promise<readonly string[]> {
    const prefix = tableName('delta', '');
    const names = [...(await this.#schema.tableNames())].filter((name) => name.startsWith(prefix));
    return [...new Set(names.map((name) => definitionOfSet(name.slice(prefix.length))))].sort();
  }

  async drop(definitionId: string): Promise<void> {
    checkDefinition({ id: definitionId, columns: [] });
    const row = await this.#definitions.read(definitionId);
    if (row === null) return;
    // Said before the first table goes: who opens it meanwhile drops the rest, and then begins anew.
    await this.#definitions.compareAndSet(definitionId, isOfLife(row), { ...row, dropping: true });
    try {
      await this.#finishDrop(definitionId, row);
    } catch (error) {
      // Nothing was dropped by a role that may not: the definition must go on being used.
      if (error instanceof ViewsError && error.code === 'TIDEMARK_VIEWS_DENIED')
        await this.#definitions.compareAndSet(definitionId, isOfLife(row), row);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** The definition's row, which all who open it at once agree on: of which columns and ids its tables are. */
  async #decided(id: string, columns: readonly Column[]): Promise<DefinitionRow> {
    for (let tries = 0; tries < TRIES; tries++) {
      const row = await this.#definitions.read(id);
      if (row !== null && !row.dropping) return row;
      if (row !== null) await this.#finishDrop(id, row);
      const life = (row?.life ?? 0) + 1;
      const next = { columns, life, incarnation: randomUUID(), dropping: false };
      await this.#definitions.compareAndSet(id, row === null ? (there) => there === null : isOfLife(row), next);
    }
    throw droppedAgain(id);
  }

  /** Drops what there still is of a life. Its row stays: lives are counted. */
  async #finishDrop(id: string, { life }: DefinitionRow): Promise<void> {
    const set = tableSet(id, life);
    await this.#schema.drop(definitionTables(set, []).map(({ name }) => name));
    await this.#pointers.delete(set);
  }
}

const isOfLife =
  ({ life }: DefinitionRow) =>
  (there: DefinitionRow | null): boolean =>
    there?.life === life;

const droppedAgain = (id: string): ViewsError =>
  new ViewsError('TIDEMARK_VIEWS_UNAVAILABLE', `The definition ${id} is being dropped again and again.`);
