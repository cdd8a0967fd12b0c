import { byRank } from '../by-rank.ts';
import type { Candidate } from '../port.ts';
import type { Statements } from './connection.ts';
import { insertInto } from './state-codec.ts';
import { int32Bytes, listBytes, textBytes, varintBytes } from './wire-bytes.ts';
import { textsOf, varintsOf } from './wire-value.ts';

/** The best of a generation, list by list. A list is written and read whole, so it is one row, best first. */
export class Candidates {
  readonly #connection: Statements;
  readonly #insert: string;
  readonly #list: string;
  readonly #deleteAll: string;

  constructor(connection: Statements, table: string) {
    this.#connection = connection;
    this.#insert = insertInto(table, ['generation', 'list', 'customer_ids', 'scores']);
    this.#list = `SELECT customer_ids, scores FROM ${table} WHERE generation = ? AND list = ?`;
    this.#deleteAll = `DELETE FROM ${table} WHERE generation = ?`;
  }

  async write(generation: number, list: string, candidates: readonly Candidate[]): Promise<void> {
    const ranked = candidates.toSorted(byRank);
    const key = int32Bytes(generation);
    const customerIds = listBytes(ranked.map(({ customerId }) => textBytes(customerId)));
    const scores = listBytes(ranked.map(({ score }) => varintBytes(score)));
    await this.#connection.write([{ cql: this.#insert, values: [key, textBytes(list), customerIds, scores], key }]);
  }

  async read(generation: number, list: string, limit: number): Promise<readonly Candidate[]> {
    const [row] = await this.#connection.rows({ cql: this.#list, values: [int32Bytes(generation), textBytes(list)] });
    if (row === undefined) return [];
    const scores = varintsOf(row.scores);
    return textsOf(row.customer_ids)
      .slice(0, limit)
      .map((customerId, place) => ({ customerId, score: scores[place] ?? missing(customerId) }));
  }

  async delete(generation: number): Promise<void> {
    const key = int32Bytes(generation);
    await this.#connection.write([{ cql: this.#deleteAll, values: [key], key }]);
  }
}

function missing(customerId: string): never {
  throw new TypeError(`A ranking list has no score for ${customerId}.`);
}
