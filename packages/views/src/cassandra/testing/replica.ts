import type { TableSchema } from '../schema.ts';

/** A cell as a replica holds it; a null value is a delete. */
type Cell = { readonly at: bigint; readonly value: Buffer | null };

/** A row: its cells, when it was inserted, and its key. */
export type StoredRow = {
  readonly key: ReadonlyMap<string, Buffer>;
  readonly cells: Map<string, Cell>;
  /** Of the newest insert: a row without live cells is there since an insert. */
  insertedAt: bigint;
};

/** A delete of all rows of a partition whose clustering begins so: of one row, when it is its whole. */
type Deletion = { readonly clustering: readonly string[]; readonly at: bigint };

export type StoredPartition = { readonly rows: Map<string, StoredRow>; readonly deletions: Deletion[] };

/** One write as it is sent to the replicas. */
export type Mutation = {
  readonly table: string;
  readonly partition: string;
  readonly at: bigint;
} & (
  | {
      readonly kind: 'write';
      readonly key: ReadonlyMap<string, Buffer>;
      readonly clustering: string;
      readonly isInsert: boolean;
      readonly values: ReadonlyMap<string, Buffer | null>;
    }
  | { readonly kind: 'delete'; readonly clustering: readonly string[] }
);

/** A table's key: which of its columns are of the partition and which of the clustering, in order. */
export type TableKey = {
  readonly schema: TableSchema;
  readonly partition: readonly string[];
  readonly clustering: readonly { readonly name: string; readonly isDescending: boolean }[];
};

const NEVER = -(2n ** 63n);

/** What one node keeps: of every cell the write with the highest timestamp, however late it comes. */
export class Replica {
  readonly #tables = new Map<string, Map<string, StoredPartition>>();

  apply(mutation: Mutation): void {
    const { rows, deletions } = this.#partition(mutation.table, mutation.partition);
    if (mutation.kind === 'delete') {
      deletions.push({ clustering: mutation.clustering, at: mutation.at });
      return;
    }
    const { clustering, key, at, values, isInsert } = mutation;
    const row = rows.get(clustering) ?? { key, cells: new Map(), insertedAt: NEVER };
    rows.set(clustering, row);
    if (isInsert && at > row.insertedAt) row.insertedAt = at;
    for (const [name, value] of values) mergeCell(row.cells, name, { at, value });
  }

  partitions(table: string): readonly string[] {
    return [...(this.#tables.get(table)?.keys() ?? [])];
  }

  partition(table: string, partition: string): StoredPartition | undefined {
    return this.#tables.get(table)?.get(partition);
  }

  /** The table is dropped. */
  forget(table: string): void {
    this.#tables.delete(table);
  }

  /** Takes over what another replica knows of a partition: read repair. */
  repair(table: string, partition: string, known: StoredPartition): void {
    mergePartition(this.#partition(table, partition), known);
  }

  #partition(table: string, partition: string): StoredPartition {
    const partitions = this.#tables.get(table) ?? new Map<string, StoredPartition>();
    this.#tables.set(table, partitions);
    const there = partitions.get(partition) ?? { rows: new Map(), deletions: [] };
    partitions.set(partition, there);
    return there;
  }
}

/** What several replicas know of a partition together. */
export function merged(parts: readonly StoredPartition[]): StoredPartition {
  const all: StoredPartition = { rows: new Map(), deletions: [] };
  for (const part of parts) mergePartition(all, part);
  return all;
}

/** The values of a row by column; null: nothing of it is there. */
export function liveRow(row: StoredRow, clustering: string, { deletions }: StoredPartition) {
  const parts = splitClustering(clustering);
  let deletedAt = NEVER;
  for (const { clustering: prefix, at } of deletions)
    if (at > deletedAt && prefix.every((part, index) => part === parts[index])) deletedAt = at;
  const values = new Map<string, Buffer | null>(row.key);
  let isThere = row.insertedAt > deletedAt;
  for (const [name, { at, value }] of row.cells) {
    if (at <= deletedAt || value === null) continue;
    values.set(name, value);
    isThere = true;
  }
  return isThere ? values : null;
}

export const joinClustering = (parts: readonly string[]): string => parts.join('|');
const splitClustering = (clustering: string): readonly string[] => clustering.split('|');

function mergePartition(into: StoredPartition, from: StoredPartition): void {
  into.deletions.push(
    ...from.deletions.filter(
      ({ clustering, at }) =>
        !into.deletions.some((known) => known.at === at && String(known.clustering) === String(clustering)),
    ),
  );
  for (const [clustering, row] of from.rows) {
    const own = into.rows.get(clustering) ?? { key: row.key, cells: new Map(), insertedAt: NEVER };
    into.rows.set(clustering, own);
    if (row.insertedAt > own.insertedAt) own.insertedAt = row.insertedAt;
    for (const [name, cell] of row.cells) mergeCell(own.cells, name, cell);
  }
}

/** The newer wins; of two of one time the delete, then the greater bytes. */
function mergeCell(cells: Map<string, Cell>, name: string, cell: Cell): void {
  const there = cells.get(name);
  if (there === undefined || there.at < cell.at) cells.set(name, cell);
  else if (there.at === cell.at && there.value !== null) {
    if (cell.value === null || Buffer.compare(cell.value, there.value) > 0) cells.set(name, cell);
  }
}
