import { ViewsError } from '../error.ts';
import type { Connection } from './connection.ts';
import { createTable, qualified, quoted, SHARED_TABLES, type TableSchema } from './schema.ts';
import { textOf } from './wire-value.ts';

/** Makes keyspace and tables that are not there, by any number of processes at once; a role that may not make any can use them. */
export class SchemaMaker {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The keyspace and the tables that all definitions share. */
  async makeShared(replication: number | null): Promise<void> {
    const { keyspace, dataCenter } = this.#connection;
    const [found] = await this.#connection.rows({
      cql: 'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?',
      values: [keyspace],
    });
    if (found === undefined) {
      if (replication === null)
        throw new ViewsError(
          'TIDEMARK_VIEWS_URL',
          `There is no keyspace ${keyspace}. Make it, or say with rf=… how many copies it shall have.`,
        );
      await this.#connection.changeSchema(
        `CREATE KEYSPACE IF NOT EXISTS ${quoted(keyspace)} WITH replication = {'class': 'NetworkTopologyStrategy', '${dataCenter}': ${replication}}`,
      );
    }
    // The same name, the same ids: nobody makes these anew, except together with the keyspace.
    await this.make(SHARED_TABLES, keyspace);
  }

  /** Makes those tables that are missing, and throws TIDEMARK_VIEWS_DEFINITION when one has other columns. */
  async make(tables: readonly TableSchema[], incarnation: string): Promise<void> {
    const { keyspace } = this.#connection;
    const there = await this.tableNames();
    const missing = tables.filter(({ name }) => !there.has(name));
    // One after the other: a node makes them one at a time, and each is known everywhere before the next.
    for (const table of missing) await this.#connection.changeSchema(createTable(keyspace, table, incarnation));
    // Another process may have just made them, on another node than those that we are going to ask.
    if (missing.length === 0) await this.#connection.agreeOnSchema();
    for (const table of tables) await this.#check(table);
  }

  /** Drops those of the tables that are there, in their order. */
  async drop(tables: readonly string[]): Promise<void> {
    const there = await this.tableNames();
    for (const name of tables.filter((each) => there.has(each)))
      await this.#connection.changeSchema(`DROP TABLE IF EXISTS ${qualified(this.#connection.keyspace, name)}`);
  }

  /** Names of the keyspace's tables. */
  async tableNames(): Promise<ReadonlySet<string>> {
    const rows = await this.#connection.rows({
      cql: 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
      values: [this.#connection.keyspace],
    });
    return new Set(rows.map((row) => textOf(row.table_name)));
  }

  async #check({ name, columns }: TableSchema): Promise<void> {
    const rows = await this.#connection.rows({
      cql: 'SELECT column_name, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?',
      values: [this.#connection.keyspace, name],
    });
    const found = new Map(rows.map((row) => [textOf(row.column_name), textOf(row.type)]));
    const line = (all: ReadonlyMap<string, string>): string =>
      [...all]
        .map(([column, type]) => `${column} ${type}`)
        .sort()
        .join(', ');
    if (line(found) === line(columns)) return;
    throw new ViewsError(
      'TIDEMARK_VIEWS_DEFINITION',
      `The table ${name} has other columns than this version makes: ${line(found)}. Views are never migrated: use fresh tables.`,
    );
  }
}
