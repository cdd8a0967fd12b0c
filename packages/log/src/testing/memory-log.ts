import { checkInBounds } from '../bounds-check.ts';
import { LogError } from '../error.ts';
import { fairShare } from '../fair-share.ts';
import { PartitionWorkers } from '../partition-workers.ts';
import { createPartitioner } from '../partitioner.ts';
import type { Append, Appended, Bounds, Consumer, EventLog, LogRecord, PartitionHandler, ReadResult } from '../port.ts';
import { checkRecord } from '../record-limit.ts';

const MAX_BATCH_RECORDS = 1_000;

type Partition = { start: bigint; readonly records: LogRecord[] };
type Member = {
  readonly name: string;
  readonly workers: PartitionWorkers;
  readonly take: (partition: number) => void;
  /** It finishes what it has and gets nothing more. */
  isLeaving: boolean;
};
type Group = { readonly members: Member[]; readonly holders: Map<number, Member> };

/** What is in a log that lives in memory. Each of its calls is one atomic step; any number of clients may share it. */
export class MemoryTopic {
  #identity: string;
  readonly #now: () => number;
  readonly #partitions: Partition[];
  readonly #partitioner = createPartitioner();
  readonly #groups = new Map<string, Group>();
  readonly #waiting = new Set<() => void>();
  #joined = 0;

  constructor(partitions: number, options: { readonly identity?: string; readonly now?: () => number } = {}) {
    this.#identity = options.identity ?? 'memory';
    this.#now = options.now ?? Date.now;
    this.#partitions = Array.from({ length: partitions }, () => ({ start: 0n, records: [] }));
  }

  get identity(): string {
    return this.#identity;
  }

  /** The topic is deleted and made anew: it has the name and the partitions of the old one, and none of its records. */
  remake(identity: string): void {
    this.#identity = identity;
    for (const partition of this.#partitions) {
      partition.start = 0n;
      partition.records.length = 0;
    }
    this.#wake();
  }

  get partitions(): readonly number[] {
    return this.#partitions.map((_, partition) => partition);
  }

  bounds(): ReadonlyMap<number, Bounds> {
    return new Map(this.#partitions.map((each, partition) => [partition, boundsOf(each)]));
  }

  /** The offset of the next record. */
  end(partition: number): bigint {
    return BigInt(this.#partition(partition).records.length);
  }

  /** The partition that a record is placed in. */
  partitionOf({ key, partition }: Append): number {
    return partition ?? this.#partitioner(key, this.#partitions.length);
  }

  append(record: Append): LogRecord {
    const partition = this.partitionOf(record);
    const { records } = this.#partition(partition);
    const { key, value, headers = {} } = record;
    const placed = { partition, offset: BigInt(records.length), key, value, headers, timestampMs: this.#now() };
    records.push(placed);
    this.#wake();
    return placed;
  }

  read(partition: number, from: bigint, maxRecords: number): ReadResult {
    const { records, ...each } = this.#partition(partition);
    const bounds = boundsOf({ records, ...each });
    checkInBounds(partition, from, bounds);
    const found = records.slice(Number(from), Number(from) + maxRecords);
    const next = from + BigInt(found.length);
    return { records: found, next, level: next === bounds.end };
  }

  grow(partitions: number): void {
    while (this.#partitions.length < partitions) this.#partitions.push({ start: 0n, records: [] });
    for (const group of this.#groups.values()) this.#share(group);
  }

  truncate(partition: number, before: bigint): void {
    const own = this.#partition(partition);
    const end = BigInt(own.records.length);
    const start = before < end ? before : end;
    if (start > own.start) own.start = start;
  }

  /** Resolves at the next append, at the latest when `waitMs` is over or the signal aborts. */
  async appended(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    let wake = () => {};
    const timer = setTimeout(() => wake(), waitMs);
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
      if (signal?.aborted) resolve();
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
    signal?.removeEventListener('abort', wake);
  }

  join(name: string, handler: PartitionHandler, log: EventLog, onFailure: (error: unknown) => void): Member {
    const group = this.#group(name);
    const workers = new PartitionWorkers((partition, failure) => {
      if (failure !== null) {
        workers.loseAll();
        this.leave(name, member);
        onFailure(failure.error);
      }
      // Who leaves gives everything back at once, when the last call is over.
      if (member.isLeaving || group.holders.get(partition) !== member) return;
      group.holders.delete(partition);
      this.#share(group);
    });
    const member: Member = {
      name: String(this.#joined++),
      workers,
      isLeaving: false,
      take: (partition) =>
        workers.start({
          partition,
          reader: log,
          handler,
          maxBatchRecords: MAX_BATCH_RECORDS,
          isMemberAlive: () => group.members.includes(member),
        }),
    };
    group.members.push(member);
    this.#share(group);
    return member;
  }

  leave(name: string, member: Member): void {
    const group = this.#group(name);
    if (!group.members.includes(member)) return;
    group.members.splice(group.members.indexOf(member), 1);
    for (const [partition, holder] of group.holders) if (holder === member) group.holders.delete(partition);
    this.#share(group);
  }

  isMember(name: string, member: Member): boolean {
    return this.#group(name).members.includes(member);
  }

  members(name: string): number {
    return this.#group(name).members.length;
  }

  #group(name: string): Group {
    const group = this.#groups.get(name) ?? { members: [], holders: new Map() };
    this.#groups.set(name, group);
    return group;
  }

  /** Every member takes what is free of its share and finishes with what is beyond it. */
  #share(group: Group): void {
    const staying = group.members.filter(({ isLeaving }) => !isLeaving);
    for (const member of staying) {
      const holdings = this.partitions.map((partition) => {
        return { partition, member: group.holders.get(partition)?.name ?? null };
      });
      const names = staying.map(({ name }) => name);
      const { take, giveBack } = fairShare(names, holdings, member.name);
      for (const partition of take) {
        group.holders.set(partition, member);
        member.take(partition);
      }
      for (const partition of giveBack) member.workers.get(partition)?.stop();
    }
  }

  #partition(partition: number): Partition {
    const found = this.#partitions[partition];
    if (found) return found;
    throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic has no partition ${partition}.`);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** One client of a topic in memory. Its death without a word: `die`. */
export function openMemoryLog(topic: MemoryTopic): EventLog & { die(): void } {
  const leaving = new Set<{ now(): void; finished(): Promise<void> }>();
  const log: EventLog & { die(): void } = {
    identity: async () => topic.identity,
    partitions: async () => topic.partitions,
    append: async (records) => {
      for (const record of records) checkRecord(record);
      for (const { partition } of records) if (partition !== undefined) assertThere(topic, partition);
      return records.map((record): Appended => {
        const { partition, offset } = topic.append(record);
        return { partition, offset };
      });
    },
    bounds: async () => topic.bounds(),
    read: async (partition, from, { maxRecords, waitMs, signal }) => {
      const endMs = performance.now() + waitMs;
      for (;;) {
        const result = topic.read(partition, from, maxRecords);
        const leftMs = endMs - performance.now();
        if (result.records.length > 0 || waitMs === 0 || leftMs <= 0 || signal?.aborted) return result;
        await topic.appended(leftMs, signal);
      }
    },
    consume: async (group, handler) => join(topic, group, handler, log, leaving),
    members: async (group) => topic.members(group),
    grow: async (partitions) => topic.grow(partitions),
    truncate: async (partition, before) => topic.truncate(partition, before),
    close: async () => {
      await Promise.all([...leaving].map((member) => member.finished()));
    },
    die: () => {
      for (const member of leaving) member.now();
    },
  };
  return log;
}

function join(
  topic: MemoryTopic,
  group: string,
  handler: PartitionHandler,
  log: EventLog,
  leaving: Set<{ now(): void; finished(): Promise<void> }>,
): Consumer {
  let settle = { resolve: () => {}, reject: (_error: unknown) => {} };
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  done.catch(() => {});
  const member = topic.join(group, handler, log, (error) => settle.reject(error));
  const leave = {
    now: () => {
      topic.leave(group, member);
      member.workers.loseAll();
    },
    finished: async () => {
      member.isLeaving = true;
      await member.workers.stopAll();
      topic.leave(group, member);
      settle.resolve();
    },
  };
  leaving.add(leave);
  return {
    held: () => member.workers.held(),
    isMember: () => topic.isMember(group, member),
    done,
    stop: leave.finished,
  };
}

function assertThere(topic: MemoryTopic, partition: number): void {
  if (!topic.partitions.includes(partition))
    throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic has no partition ${partition}.`);
}

const boundsOf = ({ start, records }: Partition): Bounds => ({ start, end: BigInt(records.length) });
