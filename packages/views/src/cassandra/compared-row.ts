import { types } from 'cassandra-driver';
import { ViewsError } from '../error.ts';
import type { Connection } from './connection.ts';
import { qualified, quoted, type SharedName } from './schema.ts';
import type { Row } from './wire-value.ts';

/** Tries of one compare-and-set whose outcomes stay unknown. */
const TRIES = 6;

/** What it needs of a connection. */
export type Comparing = Pick<Connection, 'keyspace' | 'serialRow' | 'compareAndSet'>;

/** How the value of a compared row is kept. */
export type ComparedTable<T> = {
  readonly table: SharedName;
  readonly key: string;
  readonly columns: readonly string[];
  readonly encode: (value: T) => readonly unknown[];
  readonly decode: (row: Row) => T;
};

/**
 * Rows that are only ever changed by lightweight transactions and only ever read at SERIAL: a plain write beside them would
 * be ordered by clocks, and a plain read could see what was never decided.
 *
 * A transaction whose answer is lost may have been applied, or may be applied yet, while it waits in a node's queue. So each
 * write puts a fresh id into the row (`attempt`), and its condition is the id that it read, not the content: an id never
 * comes back, so a late write can't be applied to a row that has changed meanwhile. Who lost an answer reads the row again:
 * its own id says that it won, even where somebody else wrote the same content; an id that replaced (`replaced`) the one it
 * had read says that it lost, for good.
 */
export class ComparedRows<T> {
  readonly #connection: Comparing;
  readonly #decode: (row: Row) => T;
  readonly #encode: (value: T) => readonly unknown[];
  readonly #select: string;
  readonly #insert: string;
  readonly #update: string;
  readonly #delete: string;

  constructor(connection: Comparing, { table, key, columns, encode, decode }: ComparedTable<T>) {
    const name = qualified(connection.keyspace, table);
    const names = columns.map(quoted);
    this.#connection = connection;
    this.#encode = encode;
    this.#decode = decode;
    this.#select = `SELECT ${[...names, 'attempt', 'replaced'].join(', ')} FROM ${name} WHERE ${quoted(key)} = ?`;
    this.#insert = `INSERT INTO ${name} (${[quoted(key), ...names, 'attempt'].join(', ')})
      VALUES (${[key, ...names, 'attempt'].map(() => '?').join(', ')}) IF NOT EXISTS`;
    this.#update = `UPDATE ${name} SET ${[...names, 'attempt', 'replaced'].map((each) => `${each} = ?`).join(', ')}
      WHERE ${quoted(key)} = ? IF attempt = ?`;
    this.#delete = `DELETE FROM ${name} WHERE ${quoted(key)} = ? IF EXISTS`;
  }

  async read(key: unknown): Promise<T | null> {
    const row = await this.#row(key);
    return row === null ? null : row.value;
  }

  /**
   * Makes the value `next` if it is one that `isExpected`. True exactly when this call did so. An outage is thrown only when
   * it can't be told any more: then the value has to be read again.
   */
  async compareAndSet(key: unknown, isExpected: (value: T | null) => boolean, next: T): Promise<boolean> {
    const attempt = types.Uuid.random().toString();
    /** What the tries so far were to replace, whose answers were lost. */
    const unknown = new Set<string | null>();
    let outage: unknown = null;
    for (let tries = 0; tries < TRIES; tries++) {
      const row = await this.#row(key);
      if (row?.attempt === attempt || row?.replaced === attempt) return true;
      if (!isExpected(row === null ? null : row.value)) {
        if (unknown.size === 0 || (unknown.size === 1 && row !== null && unknown.has(row.replaced))) return false;
        throw outage;
      }
      const before = row === null ? null : row.attempt;
      try {
        if (await this.#write(key, before, next, attempt)) return true;
      } catch (error) {
        if (!(error instanceof ViewsError) || !error.retryable) throw error;
        outage = error;
        unknown.add(before);
      }
    }
    throw outage ?? new ViewsError('TIDEMARK_VIEWS_UNAVAILABLE', 'Too many others set the same row at the same time.');
  }

  async delete(key: unknown): Promise<void> {
    await this.#connection.compareAndSet({ cql: this.#delete, values: [key] });
  }

  async #write(key: unknown, before: string | null, next: T, attempt: string): Promise<boolean> {
    const values = this.#encode(next);
    return await this.#connection.compareAndSet(
      before === null
        ? { cql: this.#insert, values: [key, ...values, attempt] }
        : { cql: this.#update, values: [...values, attempt, before, key, before] },
    );
  }

  async #row(
    key: unknown,
  ): Promise<{ readonly value: T; readonly attempt: string; readonly replaced: string | null } | null> {
    const row = await this.#connection.serialRow({ cql: this.#select, values: [key] });
    if (row === null) return null;
    const { attempt, replaced } = row;
    return {
      value: this.#decode(row),
      attempt: String(attempt),
      replaced: replaced === null ? null : String(replaced),
    };
  }
}
