import type { Bound, Statements } from './connection.ts';
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
  readonly #connection: Statements;
  readonly #fromStart: string;
  readonly #fromToken: string;

  constructor(connection: Statements, table: string, names: readonly string[]) {
    this.#connection = connection;
    this.#fromStart = `SELECT token(customer_id) AS "${TOKEN}", ${names.join(', ')} FROM ${table}`;
    this.#fromToken = `${this.#fromStart} WHERE token(customer_id) >= ?`;
  }

  after(place: Place | null, pageRows: number): TokenReader {
    const statement: Bound =
      place === null
        ? { cql: this.#fromStart, values: [] }
        : { cql: this.#fromToken, values: [int64Bytes(place.token)] };
    const near = place === null ? undefined : textBytes(place.customerId);
    return new TokenReader(this.#connection.pages(statement, pageRows, near), place);
  }
}

/** One way through a table. */
export class TokenReader {
  readonly #pages: AsyncIterator<readonly Row[]>;
  readonly #after: Place | null;
  /** Customers that are read, the last of them perhaps not whole. */
  #read: (Place & { readonly rows: Row[] })[] = [];
  #isAtEnd = false;

  constructor(pages: AsyncIterator<readonly Row[]>, after: Place | null) {
    this.#pages = pages;
    this.#after = after;
  }

  /** The next customer can be told without asking the store. */
  get isReady(): boolean {
    return this.#isAtEnd || this.#read.length > 1;
  }

  /** The next customer with all rows, which stays the next; null: there is none. */
  async peek(): Promise<RowsInPlace | null> {
    while (!this.isReady) await this.#readPage();
    return this.#read[0] ?? null;
  }

  skip(): void {
    this.#read.shift();
  }

  async #readPage(): Promise<void> {
    const page = await this.#pages.next();
    if (page.done) {
      this.#isAtEnd = true;
      return;
    }
    for (const row of page.value) {
      const customerId = textOf(row.customer_id);
      const last = this.#read.at(-1);
      if (last?.customerId === customerId) {
        last.rows.push(row);
        continue;
      }
      const here: Place = { token: bigintOf(row[TOKEN]), customerId };
      // From the place's own token on, since two customers may have the same.
      if (this.#after === null || comparePlaces(here, this.#after) > 0) this.#read.push({ ...here, rows: [row] });
    }
  }
}

/** Goes through two tables side by side: the next customer with the rows of both, or null at the end. */
export async function nextOf(
  left: TokenReader | null,
  right: TokenReader,
): Promise<(Place & { readonly left: readonly Row[]; readonly right: readonly Row[] }) | null> {
  const [a, b] = await Promise.all([left?.peek() ?? null, right.peek()]);
  const first = a !== null && (b === null || comparePlaces(a, b) <= 0) ? a : b;
  if (first === null) return null;
  const { token, customerId } = first;
  const inLeft = a?.customerId === customerId ? a.rows : null;
  const inRight = b?.customerId === customerId ? b.rows : null;
  if (inLeft !== null) left?.skip();
  if (inRight !== null) right.skip();
  return { token, customerId, left: inLeft ?? [], right: inRight ?? [] };
}

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
