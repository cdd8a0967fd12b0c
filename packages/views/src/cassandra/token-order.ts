import type { Bound, Connection } from './connection.ts';
import { int64Bytes, textBytes } from './wire-bytes.ts';
import { bigintOf, type Row, textOf } from './wire-value.ts';

/** Where a customer stands in the store's own order: by the token of the id, then by its bytes. */
export type Place = { readonly token: bigint; readonly customerId: string };

/** A customer's rows of one table. */
export type RowsInPlace = Place & { readonly rows: readonly Row[] };

/** What a place is called in rows: no column of ours has an upper-case letter. */
const TOKEN = 'Token';

/** Reads a table in token order, customer by customer, from behind a place on. */
export class TokenOrder {
  readonly #connection: Connection;
  readonly #fromStart: string;
  readonly #fromToken: string;

  constructor(connection: Connection, table: string, names: readonly string[]) {
    this.#connection = connection;
    this.#fromStart = `SELECT token(customer_id) AS "${TOKEN}", ${names.join(', ')} FROM ${table}`;
    this.#fromToken = `${this.#fromStart} WHERE token(customer_id) >= ?`;
  }

  async *after(place: Place | null, pageRows: number): AsyncGenerator<RowsInPlace> {
    const statement: Bound =
      place === null
        ? { cql: this.#fromStart, values: [] }
        : { cql: this.#fromToken, values: [int64Bytes(place.token)] };
    const near = place === null ? undefined : textBytes(place.customerId);
    let current: (Place & { readonly rows: Row[] }) | null = null;
    for await (const page of this.#connection.pages(statement, pageRows, near)) {
      for (const row of page) {
        const customerId = textOf(row.customer_id);
        if (current?.customerId === customerId) {
          current.rows.push(row);
          continue;
        }
        if (current !== null) yield current;
        const here: Place = { token: bigintOf(row[TOKEN]), customerId };
        // From the place's own token on, since two customers may have the same.
        current = place !== null && comparePlaces(here, place) <= 0 ? null : { ...here, rows: [row] };
      }
    }
    if (current !== null) yield current;
  }
}

/** The customers of two tables, each once, with their rows of both. */
export async function* merged(
  left: AsyncGenerator<RowsInPlace>,
  right: AsyncGenerator<RowsInPlace>,
): AsyncGenerator<Place & { readonly left: readonly Row[]; readonly right: readonly Row[] }> {
  let [a, b] = await Promise.all([left.next(), right.next()]);
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : comparePlaces(a.value, b.value);
    const first = order <= 0 && !a.done ? a.value : b.value;
    if (first === undefined) return;
    const { token, customerId } = first;
    yield {
      token,
      customerId,
      left: order <= 0 && !a.done ? a.value.rows : [],
      right: order >= 0 && !b.done ? b.value.rows : [],
    };
    [a, b] = await Promise.all([order <= 0 ? left.next() : a, order >= 0 ? right.next() : b]);
  }
}

export async function* nobody(): AsyncGenerator<RowsInPlace> {}

function comparePlaces(a: Place, b: Place): number {
  if (a.token !== b.token) return a.token < b.token ? -1 : 1;
  return Buffer.compare(textBytes(a.customerId), textBytes(b.customerId));
}

export function encodePlace({ token, customerId }: Place): string {
  return `${token}:${customerId}`;
}

/** Throws a RangeError for a cursor that is none of this store. */
export function decodePlace(cursor: string | null): Place | null {
  if (cursor === null) return null;
  const [, token, customerId] = /^(-?\d{1,19}):(.+)$/s.exec(cursor) ?? [];
  if (token === undefined || customerId === undefined) throw new RangeError('That is no cursor of these views.');
  return { token: BigInt(token), customerId };
}
