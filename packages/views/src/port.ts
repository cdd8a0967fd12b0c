import type { Column, ColumnValue } from '@tidemark/metrics';

/** A state as it is stored: one value for each of the definition's columns, in their order. */
export type StoredState = readonly ColumnValue[];

/** A customer's state in one generation; `state: null` says the generation no longer has the customer. */
export type BatchRow = { readonly customerId: string; readonly generation: number; readonly state: StoredState | null };

export type DeltaKey = { readonly customerId: string; readonly epoch: number; readonly partition: number };

/** What the speed layer folded for a customer from one partition within one epoch: a pure function of the log prefix. */
export type DeltaRow = DeltaKey & {
  /** Offset of the last accepted record folded in; the fence: a write with a lower one is without effect. */
  readonly lastOffset: bigint;
  /** Hashes of the events of the epoch, 8 bytes each, oldest first. */
  readonly ids: Uint8Array;
  readonly state: StoredState;
};

/** How far a partition has been folded. Written after the rows it speaks of. */
export type Position = {
  /** The last record taken in, an event or not. */
  readonly offset: bigint;
  readonly epoch: number;
  /** The epoch before in this partition's own sequence; null in epoch 0. */
  readonly previousEpoch: number | null;
  /** Fingerprint of the record at `offset`, read again at start. */
  readonly fingerprint: string;
  readonly logId: string;
};

/** Which records and imports a generation covers: offsets below each partition's barrier, import numbers up to `imports`. */
export type Cut = { readonly partitions: ReadonlyMap<number, bigint>; readonly imports: number };

/** The live pointer of a definition. One row, changed only by compare-and-set. */
export type LivePointer = {
  readonly generation: number;
  /** The oldest generation that may still be read; never falls. */
  readonly floor: number;
  /** Generations that began publishing and are not ancestors of `generation`, ascending. */
  readonly excluded: readonly number[];
  /** The identity of the log whose offsets the cut has: what is folded from another can't be added to it. */
  readonly logId: string;
  readonly cut: Cut;
  /** Time of the generation's barrier (UTC ms): `as_of` may not be more than 24 h before it. */
  readonly barrierAtMs: number;
  readonly publishing: 'on' | 'paused';
  readonly publishedAtMs: number;
};

/** Which definition is served, and until when the previous one is kept up. */
export type Serving = { readonly serving: string; readonly previous: string | null; readonly untilMs: number | null };

/** Which batch rows a reader may take: a customer's newest at or below `generation` that is not excluded. */
export type Lineage = Pick<LivePointer, 'generation' | 'excluded'>;

/** Which deltas count after a cut: epoch ≥ `generation`, and epoch 0 in partitions the cut does not have. Null: all. */
export type DeltaSlice = { readonly generation: number; readonly cutPartitions: ReadonlySet<number> } | null;

/** Everything a store holds of one customer relative to a pointer. */
export type CustomerRows = {
  readonly customerId: string;
  readonly batch: BatchRow | null;
  readonly deltas: readonly DeltaRow[];
};

export type ScanPage = {
  readonly rows: readonly CustomerRows[] /** null: that was the last page. */;
  readonly cursor: string | null;
};

/** `score` is comparable within a list; `byRank` is its order. */
export type Candidate = { readonly customerId: string; readonly score: bigint };

/** A record that is no event: identified by its position, kept with its bytes. */
export type DeadLetter = {
  readonly partition: number;
  readonly offset: bigint;
  readonly code: string;
  readonly reason: string;
  readonly bytes: Uint8Array;
};

export type ViewStore = {
  serving(): Promise<Serving | null>;
  /** True when the row was `expected` and is now `next`. */
  compareAndSetServing(expected: Serving | null, next: Serving): Promise<boolean>;
  /** The views of a definition; makes its tables when they are not there. `id` is lower-case hex. */
  open(definition: { readonly id: string; readonly columns: readonly Column[] }): Promise<Views>;
  /** The views of a definition whose columns only its tables know, as other code made them; null when it has none. Makes nothing. */
  find(definitionId: string): Promise<Views | null>;
  /** Ids of the definitions that have tables. */
  definitions(): Promise<readonly string[]>;
  /** Drops the tables; those that are made anew are others. */
  drop(definitionId: string): Promise<void>;
  close(): Promise<void>;
};

/**
 * The views of one definition. No call needs a transaction over rows; every write may be repeated. Once the definition was
 * dropped every read and write of rows fails with TIDEMARK_VIEWS_GONE, and no pointer is set, also when others have made it
 * anew: whoever stood still meanwhile must not mix what was with what is.
 */
export type Views = {
  pointer(): Promise<LivePointer | null>;
  compareAndSetPointer(expected: LivePointer | null, next: LivePointer): Promise<boolean>;

  /**
   * A customer's rows for each id asked, in that order; a customer without rows has `batch: null, deltas: []`. `positions` as they
   * were read before: all deltas up to them are answered, and one beyond them comes with those before it. Absent: all that
   * there are.
   */
  read(
    customerIds: readonly string[],
    lineage: Lineage | null,
    slice: DeltaSlice,
    positions?: ReadonlyMap<number, unknown>,
  ): Promise<readonly CustomerRows[]>;
  /** Every customer that has a batch row or a counting delta, in the store's own order, page by page. */
  scan(
    lineage: Lineage | null,
    slice: DeltaSlice,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<ScanPage>;

  writeBatch(rows: readonly BatchRow[]): Promise<void>;

  loadDeltas(keys: readonly DeltaKey[]): Promise<readonly DeltaRow[]>;
  /** Upserts rows whole; a row already at or beyond `lastOffset` stays as it is. */
  writeDeltas(rows: readonly DeltaRow[]): Promise<void>;
  /** Says that a customer has a delta in (epoch, partition); to be acknowledged before the first such row is written. */
  writeTouched(keys: readonly DeltaKey[]): Promise<void>;
  /** Distinct customers touched in the slice, in pages of at most 1,000, in no particular order. */
  touched(slice: DeltaSlice): AsyncIterable<readonly string[]>;

  positions(): Promise<ReadonlyMap<number, Position>>;
  /** Never moves a position back. */
  writePosition(partition: number, position: Position): Promise<void>;

  /** Keeps a generation's list, some thousands of customers at most, in the place of what it was before. */
  writeCandidates(generation: number, list: string, candidates: readonly Candidate[]): Promise<void>;
  /** The best `limit` of a list, best first. */
  candidates(generation: number, list: string, limit: number): Promise<readonly Candidate[]>;

  writeDeadLetters(letters: readonly DeadLetter[]): Promise<void>;
  deadLetters(page: {
    readonly after: { readonly partition: number; readonly offset: bigint } | null;
    readonly limit: number;
  }): Promise<readonly DeadLetter[]>;
  countDeadLetters(): Promise<ReadonlyMap<string, bigint>>;

  /** Customers with more than one version or an empty one, page by page, generations ascending. */
  versions(page: { readonly after: string | null; readonly limit: number }): Promise<{
    readonly rows: readonly {
      readonly customerId: string;
      readonly generations: readonly number[];
      readonly empty: readonly number[];
    }[];
    readonly cursor: string | null;
  }>;
  deleteBatch(keys: readonly { readonly customerId: string; readonly generation: number }[]): Promise<void>;
  /** Keys of touched markers with epoch below `epoch` in a partition, at most `limit`. */
  touchedBelow(partition: number, epoch: number, limit: number): Promise<readonly DeltaKey[]>;
  /** Deletes delta rows, then their markers, by full key. `offset` is the partition's own cut: rows beyond it stay. */
  deleteDeltas(keys: readonly DeltaKey[], offset: bigint): Promise<void>;
  deleteCandidates(generation: number): Promise<void>;
};
