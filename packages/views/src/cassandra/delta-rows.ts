import { inSlice } from '../lineage.ts';
import type { DeltaKey, DeltaRow, DeltaSlice } from '../port.ts';
import type { Bound, Statements } from './connection.ts';
import { writeTimestamp } from './offset-timestamp.ts';
import type { BoundWrite } from './replica-group.ts';
import { insertInto, type StateCodec } from './state-codec.ts';
import { TokenOrder } from './token-order.ts';
import { blobBytes, int32Bytes, int64Bytes, listBytes, textBytes } from './wire-bytes.ts';
import { bigintOf, bytesOf, longOf, numberOf, type Row, textOf } from './wire-value.ts';

const USING_OFFSET = ' USING TIMESTAMP ?';

/** The speed view. All its writes and deletes are ordered by offsets: see offset-timestamp.ts. */
export class DeltaRows {
  readonly #connection: Statements;
  readonly #codec: StateCodec;
  readonly #insert: string;
  readonly #from: string;
  readonly #epoch0: string;
  readonly #load: string;
  readonly #keys: string;
  readonly #delete: string;
  readonly inOrder: TokenOrder;

  constructor(connection: Statements, table: string, codec: StateCodec) {
    const key = ['customer_id', 'epoch', 'partition'];
    const names = [...key, 'last_offset', 'ids', ...codec.names];
    const select = `SELECT ${names.join(', ')} FROM ${table} WHERE customer_id = ?`;
    this.#connection = connection;
    this.#codec = codec;
    this.#insert = insertInto(table, names, USING_OFFSET);
    this.#from = `${select} AND epoch >= ?`;
    this.#epoch0 = `${select} AND epoch = 0`;
    this.#load = `${select} AND epoch IN ? AND partition = ?`;
    this.#keys = `SELECT ${key.join(', ')} FROM ${table} WHERE customer_id = ? AND epoch IN ? AND partition = ?`;
    this.#delete = `DELETE FROM ${table}${USING_OFFSET} WHERE customer_id = ? AND epoch = ? AND partition = ?`;
    this.inOrder = new TokenOrder(connection, table, names);
  }

  /** Of one key the highest `lastOffset` counts, within one write as between writes. */
  async write(rows: readonly DeltaRow[]): Promise<void> {
    const byKey = new Map<string, DeltaRow>();
    for (const row of rows) {
      const there = byKey.get(keyText(row));
      if (there === undefined || row.lastOffset > there.lastOffset) byKey.set(keyText(row), row);
    }
    await this.#connection.write(this.#writes(byKey.values()));
  }

  *#writes(rows: Iterable<DeltaRow>): Generator<BoundWrite> {
    for (const row of rows) {
      const key = textBytes(row.customerId);
      const values = [
        key,
        int32Bytes(row.epoch),
        int32Bytes(row.partition),
        int64Bytes(row.lastOffset),
        blobBytes(row.ids),
        ...this.#codec.encode(row.state),
        longOf(writeTimestamp(row.lastOffset)),
      ];
      yield { cql: this.#insert, values, key };
    }
  }

  /** A customer's deltas in the slice. `hasEpoch0`: false when none of them have to be of epoch 0. */
  async read(customerId: string, slice: DeltaSlice, hasEpoch0: boolean): Promise<readonly DeltaRow[]> {
    const key = textBytes(customerId);
    const from: Bound = { cql: this.#from, values: [key, int32Bytes(slice?.generation ?? 0)] };
    if (slice === null || slice.generation === 0) return this.counting(await this.#connection.rows(from), slice);
    const later = await this.#connection.rows(from);
    // Whoever sees a row must see those before it, which were written first: where epoch 0 counts, it is read after them.
    const isPast = later.some(({ partition }) => inSlice(0, numberOf(partition), slice));
    const epoch0: Bound = { cql: this.#epoch0, values: [key] };
    return this.counting([...(hasEpoch0 || isPast ? await this.#connection.rows(epoch0) : []), ...later], slice);
  }

  counting(rows: readonly Row[], slice: DeltaSlice): readonly DeltaRow[] {
    return rows
      .filter(({ epoch, partition }) => inSlice(numberOf(epoch), numberOf(partition), slice))
      .map((row) => this.#decode(row));
  }

  async load(keys: readonly DeltaKey[]): Promise<readonly DeltaRow[]> {
    return (await this.#byKeys(this.#load, keys)).map((row) => this.#decode(row));
  }

  /** Those of the keys that have a row, as texts by `keyText`. */
  async existing(keys: readonly DeltaKey[]): Promise<ReadonlySet<string>> {
    const rows = await this.#byKeys(this.#keys, keys);
    return new Set(rows.map((row) => keyText(decodeKey(row))));
  }

  /** Deletes the rows whose last offset is below `offset`. */
  async delete(keys: readonly DeltaKey[], offset: bigint): Promise<void> {
    const timestamp = longOf(offset);
    await this.#connection.write(
      keys.map(({ customerId, epoch, partition }) => {
        const key = textBytes(customerId);
        return { cql: this.#delete, values: [timestamp, key, int32Bytes(epoch), int32Bytes(partition)], key };
      }),
    );
  }

  /** One read for all epochs that are asked of a customer in a partition. */
  async #byKeys(cql: string, keys: readonly DeltaKey[]): Promise<readonly Row[]> {
    const groups = new Map<
      string,
      { readonly customerId: string; readonly partition: number; readonly epochs: Set<number> }
    >();
    for (const { customerId, epoch, partition } of keys) {
      const name = `${partition} ${customerId}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { customerId, partition, epochs: new Set([epoch]) });
      else group.epochs.add(epoch);
    }
    const found = await this.#connection.each([...groups.values()], ({ customerId, partition, epochs }) =>
      this.#connection.rows({
        cql,
        values: [textBytes(customerId), listBytes([...epochs].map(int32Bytes)), int32Bytes(partition)],
      }),
    );
    return found.flat();
  }

  #decode(row: Row): DeltaRow {
    return {
      ...decodeKey(row),
      lastOffset: bigintOf(row.last_offset),
      ids: bytesOf(row.ids),
      state: this.#codec.decode(row),
    };
  }
}

export function keyText({ customerId, epoch, partition }: DeltaKey): string {
  return `${epoch} ${partition} ${customerId}`;
}

function decodeKey({ customer_id, epoch, partition }: Row): DeltaKey {
  return { customerId: textOf(customer_id), epoch: numberOf(epoch), partition: numberOf(partition) };
}
