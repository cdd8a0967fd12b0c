import { inSlice } from '../lineage.ts';
import type { DeltaKey, DeltaSlice } from '../port.ts';
import type { Statements } from './connection.ts';
import { CLEANED_TIMESTAMP, deleteTimestamp, MARKER_TIMESTAMP } from './offset-timestamp.ts';
import { routingKey } from './replica-group.ts';
import { EMPTY, int32Bytes, int64Bytes, textBytes } from './wire-bytes.ts';
import { bigintOf, longOf, numberOf, type Row, textOf } from './wire-value.ts';

/** The markers of an epoch and partition are spread over so many partitions of the store. Fixed for a definition's tables. */
const SHARDS = 8;
const PAGE = 1000;

/** Shards whose entry is known to be in the directory, at most. */
const KNOWN_SHARDS = 10_000;

const KIND = textBytes('touched');

type Shard = { readonly epoch: number; readonly partition: number; readonly shard: number };
/** A shard in the directory, and up to which customer it is cleaned. */
type Entry = Shard & { readonly cleaned: string };

/**
 * Who has a delta in (epoch, partition). A shard is entered in the directory before its first marker, so that readers know
 * which there are; the entry also says up to which customer the shard is cleaned, so that they start after what was deleted.
 */
export class TouchedMarkers {
  readonly #connection: Statements;
  readonly #known = new Set<string>();
  readonly #enter: string;
  readonly #insert: string;
  readonly #entriesFrom: string;
  readonly #entriesOfEpoch0: string;
  readonly #entriesBelow: string;
  readonly #entry: string;
  readonly #after: string;
  readonly #upTo: string;
  readonly #delete: string;
  readonly #setCleaned: string;
  readonly #leave: string;

  constructor(connection: Statements, touched: string, directory: string) {
    const entries = `SELECT epoch, partition, part, cleaned FROM ${directory} WHERE kind = ?`;
    const shard = 'epoch = ? AND partition = ? AND shard = ?';
    const entry = 'kind = ? AND epoch = ? AND partition = ? AND part = ?';
    this.#connection = connection;
    this.#enter = `INSERT INTO ${directory} (kind, epoch, partition, part) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`;
    this.#insert = `INSERT INTO ${touched} (epoch, partition, shard, customer_id) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`;
    this.#entriesFrom = `${entries} AND epoch >= ?`;
    this.#entriesOfEpoch0 = `${entries} AND epoch = 0`;
    this.#entriesBelow = `${entries} AND epoch < ?`;
    this.#entry = `SELECT epoch, partition, part, cleaned FROM ${directory} WHERE ${entry}`;
    this.#after = `SELECT customer_id FROM ${touched} WHERE ${shard} AND customer_id > ? LIMIT ?`;
    this.#upTo = `SELECT customer_id FROM ${touched} WHERE ${shard} AND customer_id > ? AND customer_id <= ?`;
    this.#delete = `DELETE FROM ${touched} USING TIMESTAMP ? WHERE ${shard} AND customer_id = ?`;
    this.#setCleaned = `UPDATE ${directory} USING TIMESTAMP ? SET cleaned = ? WHERE ${entry}`;
    this.#leave = `DELETE FROM ${directory} USING TIMESTAMP ? WHERE ${entry}`;
  }

  async write(keys: readonly DeltaKey[]): Promise<void> {
    const shards = new Map(keys.map((key) => [shardText(shardOf(key)), shardOf(key)]));
    const fresh = [...shards].filter(([name]) => !this.#known.has(name));
    const timestamp = longOf(MARKER_TIMESTAMP);
    await this.#connection.write(
      fresh.map(([, shard]) => ({ cql: this.#enter, values: [...entryValues(shard), timestamp], key: KIND })),
    );
    if (this.#known.size > KNOWN_SHARDS) this.#known.clear();
    for (const [name] of fresh) this.#known.add(name);
    // Shard by shard: a batch within one partition is one write to the node.
    const byShard = [...keys].sort((a, b) => compareShards(shardOf(a), shardOf(b)));
    await this.#connection.write(
      byShard.map((key) => {
        const shard = shardOf(key);
        const values = [...shardValues(shard), textBytes(key.customerId), timestamp];
        return { cql: this.#insert, values, key: routingKey(shardValues(shard)) };
      }),
    );
  }

  /** A customer is in the shard of one number whatever the epoch and partition: so shards of one number are read together. */
  async *read(slice: DeltaSlice): AsyncIterable<readonly string[]> {
    const counting = (await this.#entries(slice)).filter(({ epoch, partition }) => inSlice(epoch, partition, slice));
    let page: string[] = [];
    for (const number of new Set(counting.map(({ shard }) => shard))) {
      const seen = new Set<string>();
      for (const shard of counting.filter((each) => each.shard === number)) {
        for await (const rows of this.#pages(shard)) {
          for (const customerId of rows) {
            if (seen.has(customerId)) continue;
            seen.add(customerId);
            page.push(customerId);
            if (page.length < PAGE) continue;
            yield page;
            page = [];
          }
        }
      }
    }
    if (page.length > 0) yield page;
  }

  /** Whether anybody may have a delta in epoch 0 of a partition that the slice's cut does not have. */
  async hasEpoch0(slice: NonNullable<DeltaSlice>): Promise<boolean> {
    const entries = await this.#entriesOf(this.#entriesOfEpoch0, [KIND]);
    return entries.some(({ partition }) => inSlice(0, partition, slice));
  }

  async below(partition: number, epoch: number, limit: number): Promise<readonly DeltaKey[]> {
    const entries = await this.#entriesOf(this.#entriesBelow, [KIND, int32Bytes(epoch)]);
    const keys: DeltaKey[] = [];
    for (const { cleaned, ...shard } of entries) {
      if (shard.partition !== partition) continue;
      for (const customerId of await this.#customersAfter(shard, cleaned, limit - keys.length))
        keys.push({ customerId, epoch: shard.epoch, partition });
      if (keys.length >= limit) break;
    }
    return keys;
  }

  /** Deletes markers whose rows are gone, and the entries of shards that have none left. */
  async delete(keys: readonly DeltaKey[], cut: bigint): Promise<void> {
    const shards = new Map<string, { readonly shard: Shard; readonly customerIds: Set<string> }>();
    for (const key of keys) {
      const shard = shardOf(key);
      const name = shardText(shard);
      const there = shards.get(name);
      if (there === undefined) shards.set(name, { shard, customerIds: new Set([key.customerId]) });
      else there.customerIds.add(key.customerId);
    }
    await this.#connection.each([...shards.values()], ({ shard, customerIds }) =>
      this.#deleteOf(shard, customerIds, cut),
    );
  }

  async #deleteOf(shard: Shard, customerIds: ReadonlySet<string>, cut: bigint): Promise<void> {
    const timestamp = longOf(deleteTimestamp(cut));
    const key = routingKey(shardValues(shard));
    const cleaned = await this.#cleanedUpTo(shard, customerIds);
    await this.#connection.write(
      [...customerIds].map((customerId) => {
        const values = [timestamp, ...shardValues(shard), textBytes(customerId)];
        return { cql: this.#delete, values, key };
      }),
    );
    if (cleaned === null) return;
    const entry = entryValues(shard);
    const values = [longOf(CLEANED_TIMESTAMP), textBytes(cleaned), ...entry];
    await this.#connection.write([{ cql: this.#setCleaned, values, key: KIND }]);
    if ((await this.#customersAfter(shard, cleaned, 1)).length > 0) return;
    await this.#connection.write([{ cql: this.#leave, values: [timestamp, ...entry], key: KIND }]);
  }

  /** The last customer up to whom the shard has no marker beside those given; null when its first one stays. */
  async #cleanedUpTo(shard: Shard, customerIds: ReadonlySet<string>): Promise<string | null> {
    const last = [...customerIds].map(textBytes).reduce((a, b) => (Buffer.compare(a, b) >= 0 ? a : b));
    const [entry] = await this.#connection.rows({ cql: this.#entry, values: entryValues(shard) });
    const from = entry === undefined ? EMPTY : textBytes(decodeEntry(entry).cleaned);
    const rows = await this.#connection.rows({ cql: this.#upTo, values: [...shardValues(shard), from, last] });
    const present = rows.map((row) => textOf(row.customer_id));
    const staying = present.findIndex((customerId) => !customerIds.has(customerId));
    return (staying === -1 ? present : present.slice(0, staying)).at(-1) ?? null;
  }

  async #entries(slice: DeltaSlice): Promise<readonly Shard[]> {
    const later = await this.#entriesOf(this.#entriesFrom, [KIND, int32Bytes(slice?.generation ?? 0)]);
    if (slice === null || slice.generation === 0) return later;
    return [...later, ...(await this.#entriesOf(this.#entriesOfEpoch0, [KIND]))];
  }

  async #entriesOf(cql: string, values: readonly Buffer[]): Promise<readonly Entry[]> {
    return (await this.#connection.rows({ cql, values })).map(decodeEntry);
  }

  async *#pages(shard: Shard): AsyncIterable<readonly string[]> {
    for (let after = ''; ; ) {
      const page = await this.#customersAfter(shard, after, PAGE);
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last;
    }
  }

  async #customersAfter(shard: Shard, after: string, limit: number): Promise<readonly string[]> {
    const values = [...shardValues(shard), textBytes(after), int32Bytes(limit)];
    const rows = await this.#connection.rows({ cql: this.#after, values });
    return rows.map((row) => textOf(row.customer_id));
  }
}

function shardOf({ customerId, epoch, partition }: DeltaKey): Shard {
  // FNV-1a over the bytes of the id.
  let hash = 0x811c9dc5;
  for (const byte of textBytes(customerId)) hash = Math.imul(hash ^ byte, 0x01000193);
  return { epoch, partition, shard: (hash >>> 16) % SHARDS };
}

const compareShards = (a: Shard, b: Shard): number =>
  a.epoch - b.epoch || a.partition - b.partition || a.shard - b.shard;

const shardText = ({ epoch, partition, shard }: Shard): string => `${epoch} ${partition} ${shard}`;

const shardValues = ({ epoch, partition, shard }: Shard): readonly Buffer[] =>
  [epoch, partition, shard].map(int32Bytes);

const entryValues = ({ epoch, partition, shard }: Shard): readonly Buffer[] => [
  KIND,
  int32Bytes(epoch),
  int32Bytes(partition),
  int64Bytes(BigInt(shard)),
];

function decodeEntry({ epoch, partition, part, cleaned }: Row): Entry {
  return {
    epoch: numberOf(epoch),
    partition: numberOf(partition),
    shard: Number(bigintOf(part)),
    cleaned: cleaned === null ? '' : textOf(cleaned),
  };
}
