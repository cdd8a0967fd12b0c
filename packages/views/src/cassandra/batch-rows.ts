import { newest } from '../lineage.ts';
import type { BatchRow, Lineage } from '../port.ts';
import type { Statements } from './connection.ts';
import type { BoundWrite } from './replica-group.ts';
import { insertInto, type StateCodec } from './state-codec.ts';
import { TokenOrder } from './token-order.ts';
import { booleanBytes, int32Bytes, textBytes } from './wire-bytes.ts';
import { booleanOf, numberOf, type Row, textOf } from './wire-value.ts';

/** Versions read at once when the newest is excluded: there are seldom two. */
const SLICE_ROWS = 8;

/** The batch view: a customer's versions, newest first. Written by the clock: one run alone writes a generation. */
export class BatchRows {
  readonly #connection: Statements;
  readonly #codec: StateCodec;
  readonly #insert: string;
  readonly #select: string;
  readonly #delete: string;
  /** Whole rows, and what tells the versions alone. */
  readonly inOrder: TokenOrder;
  readonly versionsInOrder: TokenOrder;

  constructor(connection: Statements, table: string, codec: StateCodec) {
    const versions = ['customer_id', 'generation', 'empty'];
    const names = [...versions, ...codec.names];
    this.#connection = connection;
    this.#codec = codec;
    this.#insert = insertInto(table, names);
    this.#select = `SELECT ${names.join(', ')} FROM ${table} WHERE customer_id = ? AND generation <= ? LIMIT ?`;
    this.#delete = `DELETE FROM ${table} WHERE customer_id = ? AND generation = ?`;
    this.inOrder = new TokenOrder(connection, table, names);
    this.versionsInOrder = new TokenOrder(connection, table, versions);
  }

  /** The last content of a key within one write counts. */
  async write(rows: readonly BatchRow[]): Promise<void> {
    const byKey = new Map(rows.map((row) => [`${row.customerId}\0${row.generation}`, row]));
    await this.#connection.write(this.#writes(byKey.values()));
  }

  *#writes(rows: Iterable<BatchRow>): Generator<BoundWrite> {
    for (const { customerId, generation, state } of rows) {
      const key = textBytes(customerId);
      const values = [key, int32Bytes(generation), booleanBytes(state === null), ...this.#codec.encode(state)];
      yield { cql: this.#insert, values, key };
    }
  }

  /** The row that counts, read in slices: mostly it is the first of the first. */
  async read(customerId: string, lineage: Lineage): Promise<BatchRow | null> {
    const key = textBytes(customerId);
    let below = lineage.generation;
    for (let limit = 1; ; limit = SLICE_ROWS) {
      const values = [key, int32Bytes(below), int32Bytes(limit)];
      const rows = await this.#connection.rows({ cql: this.#select, values });
      const found = this.newest(rows, lineage);
      const last = rows.at(-1);
      if (found !== null || last === undefined || rows.length < limit) return found;
      below = numberOf(last.generation) - 1;
    }
  }

  /** The one of a customer's rows that counts. */
  newest(rows: readonly Row[], lineage: Lineage | null): BatchRow | null {
    const taken = newest(
      rows.map(({ generation }) => numberOf(generation)),
      lineage,
    );
    const row = rows.find(({ generation }) => generation === taken);
    if (row === undefined || taken === null) return null;
    const state = booleanOf(row.empty) ? null : this.#codec.decode(row);
    return { customerId: textOf(row.customer_id), generation: taken, state };
  }

  async delete(keys: readonly { readonly customerId: string; readonly generation: number }[]): Promise<void> {
    await this.#connection.write(
      keys.map(({ customerId, generation }) => {
        const key = textBytes(customerId);
        return { cql: this.#delete, values: [key, int32Bytes(generation)], key };
      }),
    );
  }
}
