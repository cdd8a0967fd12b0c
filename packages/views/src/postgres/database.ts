import { type Pool, type PoolClient, withTransaction } from '@tidemark/postgres';
import pg from 'pg';
import { ViewsError } from '../error.ts';

export type Row = readonly unknown[];

/** Classes and codes of SQLSTATE that tell of an outage, not of a fact: connection, resources, operator, deadlock. */
const OUTAGES = /^(?:08|53|57|58|40|55P03)/;
const UNDEFINED_TABLE = '42P01';
const UNDEFINED_COLUMN = '42703';

/** Prepared statements over a pool, with the driver's errors told apart. */
export class Database {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Runs a statement that each connection prepares once under `name`: one name, one text. Rows come as arrays. */
  async run(name: string, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return (await this.#query(name, text, values)).rows;
  }

  /** The number of rows that the statement wrote. */
  async count(name: string, text: string, values: readonly unknown[]): Promise<number> {
    return (await this.#query(name, text, values)).rowCount ?? 0;
  }

  /** For making and dropping tables alone. */
  async transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    try {
      return await withTransaction(this.#pool, work);
    } catch (error) {
      throw asViewsError(error);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #query(name: string, text: string, values: readonly unknown[]) {
    try {
      return await this.#pool.query<unknown[]>({ name, text, values: [...values], rowMode: 'array' });
    } catch (error) {
      throw asViewsError(error);
    }
  }
}

function asViewsError(cause: unknown): unknown {
  if (cause instanceof ViewsError) return cause;
  if (cause instanceof pg.DatabaseError) {
    const code = cause.code ?? '';
    if (code === UNDEFINED_TABLE) {
      return new ViewsError('TIDEMARK_VIEWS_GONE', 'The tables of this definition are gone: it was dropped.', {
        cause,
      });
    }
    if (code === UNDEFINED_COLUMN) {
      const message = `A table of the views has other columns than this version makes: ${cause.message}. Views are never migrated: use fresh tables.`;
      return new ViewsError('TIDEMARK_VIEWS_DEFINITION', message, { cause });
    }
    if (!OUTAGES.test(code)) return cause;
  }
  // What the server did not say itself is a connection that can't be made or broke.
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ViewsError('TIDEMARK_VIEWS_UNAVAILABLE', `The views in PostgreSQL can't be used right now: ${reason}`, {
    cause,
  });
}
