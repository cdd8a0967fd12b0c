/** One record of the log, exactly as it was appended. Offsets rise within a partition and may have gaps. */
export type LogRecord = {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, Uint8Array>>;
  /** The log's own append time, UTC milliseconds. For lag only: nothing that decides a number reads it. */
  readonly timestampMs: number;
};

/** A record to append. Without `partition` the key decides: murmur2 as Kafka's default partitioner does. */
export type Append = {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, Uint8Array>>;
  readonly partition?: number;
};

export type Appended = { readonly partition: number; readonly offset: bigint };

/** Readable offsets of a partition, half-open: `start` is the first record kept, `end` the next offset to be given. */
export type Bounds = { readonly start: bigint; readonly end: bigint };

export type ReadOptions = {
  readonly maxRecords: number;
  /** How long to wait for a first record when there is none yet; 0 answers at once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
};

export type ReadResult = {
  readonly records: readonly LogRecord[];
  /** Where to read on. */
  readonly next: bigint;
  /** True when `next` was the partition's end when it was read. */
  readonly level: boolean;
};

/** What a group member does with the partitions it is given. Calls for one partition never overlap. */
export type PartitionHandler = {
  /** The member now owns the partition; answers the offset to read from. */
  assigned(partition: number): Promise<bigint>;
  /**
   * The next records, in order; none where nothing but the partition's end was found, once. The log waits for the promise
   * before it delivers more: that is the back-pressure.
   */
  records(partition: number, batch: ReadResult, lease: Lease): Promise<void>;
  /** The log can't be read just now. It is read again by itself; this is for whoever watches. */
  unreadable?(partition: number, error: unknown): void;
  /** The member is about to lose the partition (or has lost it); no more calls for it until it is assigned again. */
  revoked(partition: number): Promise<void>;
};

/** Ownership of a partition; held still while a call is let finish before a hand-over. Advisory: the fence is the store's `last_offset`, never the lease. */
export type Lease = { isHeld(): boolean };

export type Consumer = {
  /** Partitions owned now, ascending. */
  held(): readonly number[];
  /** Whether the group counts this member in and has told it its share, which may be none. */
  isMember(): boolean;
  /** Rejects with the first fatal error of the log or the handler; resolves after `stop`. */
  readonly done: Promise<void>;
  /** Stops reading, lets the handler's running call finish, revokes and gives the partitions back. */
  stop(): Promise<void>;
};

/** The event log: P ordered partitions. Implemented by `./postgres` and, in the large, by Kafka. */
export type EventLog = {
  /** An id that changes when the log is deleted and made again. */
  identity(): Promise<string>;
  /** The partitions there are now, ascending. They only ever become more. */
  partitions(): Promise<readonly number[]>;
  /** Resolves when every record is durable, with the position of each in the order given. Keeps that order per partition. */
  append(records: readonly Append[]): Promise<readonly Appended[]>;
  bounds(): Promise<ReadonlyMap<number, Bounds>>;
  /**
   * Records from `from` on. Throws `TIDEMARK_LOG_GAP` when retention has run past `from`, `TIDEMARK_LOG_SHRUNK` when
   * `from` is beyond the end (the log was truncated or is another one).
   */
  read(partition: number, from: bigint, options: ReadOptions): Promise<ReadResult>;
  /** Joins a consumer group: its members share the partitions, and take over those of a member that died. */
  consume(group: string, handler: PartitionHandler): Promise<Consumer>;
  /** Members the group has now; one that died counts until its session is over. */
  members(group: string): Promise<number>;
  /** Raises the number of partitions; never lowers it. */
  grow(partitions: number): Promise<void>;
  /** Retention: forgets the records below `before`. */
  truncate(partition: number, before: bigint): Promise<void>;
  close(): Promise<void>;
};
