import type { Candidate } from '../port.ts';
import type { Statements } from './connection.ts';
import { insertInto } from './state-codec.ts';
import { int32Bytes, textBytes, varintBytes } from './wire-bytes.ts';
import { type Row, textOf, varintOf } from './wire-value.ts';

/** The best of a generation, list by list, kept in the order in which they are asked for. */
export class Candidates {
  readonly #connection: Statements;
  readonly #insert: string;
  readonly #best: string;
  readonly #all: string;
  readonly #deleteOne: string;
  readonly #deleteAll: string;

  constructor(connection: Statements, table: string) {
    const entry = 'generation = ? AND list = ? AND score = ? AND customer_id = ?';
    this.#connection = connection;
    this.#insert = insertInto(table, ['generation', 'list', 'score', 'customer_id']);
    this.#all = `SELECT customer_id, score FROM ${table} WHERE generation = ? AND list = ?`;
    this.#best = `${this.#all} LIMIT ?`;
    this.#deleteOne = `DELETE FROM ${table} WHERE ${entry}`;
    this.#deleteAll = `DELETE FROM ${table} WHERE generation = ?`;
  }

  /** A customer's score is part of the key, so that the store keeps the order: an old other one has to be taken away. */
  async write(generation: number, list: string, candidates: readonly Candidate[]): Promise<void> {
    const scores = new Map(candidates.map(({ customerId, score }) => [customerId, score]));
    const key = int32Bytes(generation);
    const place = [key, textBytes(list)];
    const rows = await this.#connection.rows({ cql: this.#all, values: place });
    const old = rows.map(decode).filter(({ customerId, score }) => (scores.get(customerId) ?? score) !== score);
    const values = (customerId: string, score: bigint) => [...place, varintBytes(score), textBytes(customerId)];
    await this.#connection.write(
      [...scores].map(([customerId, score]) => ({ cql: this.#insert, values: values(customerId, score), key })),
    );
    await this.#connection.write(
      old.map(({ customerId, score }) => ({ cql: this.#deleteOne, values: values(customerId, score), key })),
    );
  }

  async read(generation: number, list: string, limit: number): Promise<readonly Candidate[]> {
    const values = [int32Bytes(generation), textBytes(list), int32Bytes(limit)];
    return (await this.#connection.rows({ cql: this.#best, values })).map(decode);
  }

  async delete(generation: number): Promise<void> {
    const key = int32Bytes(generation);
    await this.#connection.write([{ cql: this.#deleteAll, values: [key], key }]);
  }
}

function decode({ customer_id, score }: Row): Candidate {
  return { customerId: textOf(customer_id), score: varintOf(score) };
}
