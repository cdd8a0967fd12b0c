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

export type StoredPartition = {
  readonly rows: Map<string, StoredRow>;
  readonly deletions: Deletion[];
  /** How often anything of it has changed. */
  changes: number;
  /** What it last took over from others: it is in it. */
  repairedBy: StoredPartition | null;
};

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
    const own = this.#partition(mutation.table, mutation.partition);
    const { rows, deletions } = own;
    own.changes++;
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
    const own = this.#partition(table, partition);
    // Nothing is ever taken out of a partition: what it once took over it has.
    if (own.repairedBy === known) return;
    own.repairedBy = known;
    if (mergePartition(own, known)) own.changes++;
  }

  #partition(table: string, partition: string): StoredPartition {
    const partitions = this.#tables.get(table) ?? new Map<string, StoredPartition>();
    this.#tables.set(table, partitions);
    const there = partitions.get(partition) ?? emptyPartition();
    partitions.set(partition, there);
    return there;
  }
}

/** What several replicas know of a partition together. */
export function merged(parts: readonly StoredPartition[]): StoredPartition {
  const all = emptyPartition();
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

const emptyPartition = (): StoredPartition => ({ rows: new Map(), deletions: [], changes: 0, repairedBy: null });

/** Answers whether anything was new. */
function mergePartition(into: StoredPartition, from: StoredPartition): boolean {
  let isNew = false;
  for (const deletion of from.deletions) {
    if (into.deletions.some((known) => isSame(known, deletion))) continue;
    into.deletions.push(deletion);
    isNew = true;
  }
  for (const [clustering, row] of from.rows) {
    const there = into.rows.get(clustering);
    const own = there ?? { key: row.key, cells: new Map(), insertedAt: NEVER };
    if (!there) into.rows.set(clustering, own);
    isNew ||= !there || row.insertedAt > own.insertedAt;
    if (row.insertedAt > own.insertedAt) own.insertedAt = row.insertedAt;
    for (const [name, cell] of row.cells) if (mergeCell(own.cells, name, cell)) isNew = true;
  }
  return isNew;
}

const isSame = (a: Deletion, b: Deletion): boolean =>
  a === b ||
  (a.at === b.at &&
    a.clustering.length === b.clustering.length &&
    a.clustering.every((part, index) => part === b.clustering[index]));

/** The newer wins; of two of one time the delete, then the greater bytes. Answers whether it is this one. */
function mergeCell(cells: Map<string, Cell>, name: string, cell: Cell): boolean {
  const there = cells.get(name);
  if (there === cell || (there !== undefined && !isAbove(cell, there))) return false;
  cells.set(name, cell);
  return true;
}

function isAbove(cell: Cell, there: Cell): boolean {
  if (cell.at !== there.at) return cell.at > there.at;
  if (there.value === null) return false;
  return cell.value === null || Buffer.compare(cell.value, there.value) > 0;
}
