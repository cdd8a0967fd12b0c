import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Consumer, type EventLog, type PartitionHandler, type ReadResult, speedLayerGroup } from '@tidemark/log';
import type { Definition } from '@tidemark/metrics';
import { type Clock, reached } from '@tidemark/runtime';
import { type FillFrom, fillOffset } from './fill-start.ts';
import { type FoldStore, type Patience, ridingOut } from './fold-store.ts';
import { PartitionFold } from './partition-fold.ts';
import { logStart, refuseOtherLog, startOffset } from './start-position.ts';

export type SpeedLayerOptions = {
  readonly log: EventLog;
  readonly views: FoldStore;
  readonly definition: Definition;
  /** After which generation everything counts in partitions without a position yet; null, or absent: everything does. */
  readonly fillFrom?: () => Promise<FillFrom | null>;
  readonly clock: Clock;
  /** How long changed deltas may gather under load before they are written, in milliseconds; far behind it is longer. */
  readonly gatherMs: number;
  /** Customers' states held in memory, over all partitions. */
  readonly stateCache: number;
  /** For a log that does not answer; the store brings its own. */
  readonly patience?: Patience;
  /** Told each time that a partition could not be read. */
  readonly onUnreadable?: (partition: number, error: unknown) => void;
};

/** A flush goes out when so many deltas changed, however short they have gathered: it bounds what is held. */
const MAX_DIRTY = 5_000;

/**
 * Who is far behind gathers for half of that: answers, which are old in any case, are half as old again at most, and far less
 * soon, for rows are written once for many more events, which is most of the work. Bounded, so that a crash has little to fold
 * again.
 */
const GATHER_PART_OF_LAG = 0.5;
const MAX_GATHER_MS = 5_000;

/** The partitions of one process: which it folds, and how far. */
type Held = {
  readonly fold: PartitionFold;
  lastFlushMs: number;
  /** The flush that goes on while more is folded; who begins another one, or ends, hears first how it went. */
  flushing: Promise<void>;
  next: bigint;
  level: boolean;
};

/**
 * The speed layer: a member of the definition's consumer group that folds the partitions it is given. Level with the
 * log it writes at once; behind, it gathers, so that a busy customer's row is written once for many events, and goes on
 * folding while the store writes.
 */
export class SpeedLayer implements PartitionHandler {
  readonly #options: SpeedLayerOptions;
  readonly #held = new Map<number, Held>();

  constructor(options: SpeedLayerOptions) {
    this.#options = options;
  }

  /** Joins the group. The consumer's `done` rejects when the log or a store fails for good. */
  start(): Promise<Consumer> {
    return this.#options.log.consume(speedLayerGroup(this.#options.definition.id), this);
  }

  /** The partitions folded here now, with the next offset of each. */
  progress(): ReadonlyMap<number, Readonly<Held>> {
    return this.#held;
  }

  async assigned(partition: number): Promise<bigint> {
    const { log, views, definition, fillFrom, stateCache, clock, patience = {} } = this.#options;
    const start = await ridingOut(() => logStart(log, partition), patience);
    const positions = await views.positions();
    const position = positions.get(partition) ?? null;
    const live = await views.pointer();
    const { next, countsFrom, partitions, logId } = await ridingOut(async () => {
      const logId = await log.identity();
      const from = position ? null : ((await fillFrom?.()) ?? null);
      refuseOtherLog([...positions.values(), ...(live ? [live] : []), ...(from ? [from] : [])], logId);
      return {
        next: await startOffset(log, partition, start, position),
        countsFrom: position ? 0n : await fillOffset(log, partition, from),
        partitions: (await log.partitions()).length,
        logId,
      };
    }, patience);
    const fold = new PartitionFold({
      definition,
      views,
      partition,
      position,
      countsFrom,
      fromBeginning: next === 0n,
      logId,
      cacheLimit: Math.max(1, Math.ceil(stateCache / partitions)),
    });
    this.#held.set(partition, { fold, lastFlushMs: clock.now(), flushing: Promise.resolve(), next, level: false });
    reached('fold: assigned');
    return next;
  }

  async records(partition: number, batch: ReadResult): Promise<void> {
    const held = this.#held.get(partition);
    if (!held) throw new Error(`records of partition ${partition}, which is not assigned`);
    await held.fold.fold(batch.records);
    const nowMs = this.#options.clock.now();
    const gathered = nowMs - held.lastFlushMs >= this.#gatherMs(batch, nowMs) || held.fold.gathered >= MAX_DIRTY;
    if (batch.level || gathered) {
      await held.flushing;
      held.lastFlushMs = this.#options.clock.now();
      held.flushing = held.fold.flush();
      // Heard by who waits for it next; until then it is nobody's failure.
      held.flushing.catch(() => {});
      // Else its first rows are to be on their way before more is folded.
      await (batch.level ? held.flushing : nextTurn());
    }
    held.next = batch.next;
    held.level = batch.level;
  }

  unreadable(partition: number, error: unknown): void {
    this.#options.onUnreadable?.(partition, error);
  }

  async revoked(partition: number): Promise<void> {
    const held = this.#held.get(partition);
    if (!held) return;
    this.#held.delete(partition);
    await held.flushing;
    // Written late it is without effect: a successor's rows have higher offsets.
    await held.fold.flush();
  }

  #gatherMs({ records }: ReadResult, nowMs: number): number {
    const lagMs = nowMs - (records.at(-1)?.timestampMs ?? nowMs);
    return Math.max(this.#options.gatherMs, Math.min(lagMs * GATHER_PART_OF_LAG, MAX_GATHER_MS));
  }
}
