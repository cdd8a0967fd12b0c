import { parse, type TidemarkEvent } from '@tidemark/contracts';
import { barrierOf, fingerprint, hasBarrierHeader, type LogRecord } from '@tidemark/log';
import { type Definition, foldRecord } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import type { DeadLetter, Position } from '@tidemark/views';
import { DeltaCache } from './delta-cache.ts';
import type { FoldStore } from './fold-store.ts';

export type FoldCounts = {
  folded: number;
  repeats: number;
  /** Rejected records by code. */
  readonly rejected: Map<string, number>;
  readonly unknownFields: Map<string, number>;
};

/** An accepted record on its way into its delta. */
type Accepted = { readonly event: TidemarkEvent; readonly offset: bigint };

/**
 * The speed layer's work on one partition: folds records, in order, into the deltas of their epoch, and writes them.
 * Everything it writes is a function of the log's prefix, so it may be stopped anywhere and done again by another.
 */
export class PartitionFold {
  readonly #definition: Definition;
  readonly #views: FoldStore;
  readonly #partition: number;
  readonly #logId: string;
  readonly #cache: DeltaCache;
  readonly #countsFrom: bigint;
  #epoch: number;
  #previousEpoch: number | null;
  #last: LogRecord | null = null;
  /** Offset of the position that was written last. */
  #written: bigint | null = null;
  readonly #deadLetters: DeadLetter[] = [];
  readonly counts: FoldCounts = { folded: 0, repeats: 0, rejected: new Map(), unknownFields: new Map() };

  constructor(options: {
    readonly definition: Definition;
    readonly views: FoldStore;
    readonly partition: number;
    readonly logId: string;
    readonly position: Position | null;
    /** Events before it are in a generation that every reader has; only what is no event is kept of them. Absent: none are. */
    readonly countsFrom?: bigint;
    /** The first record that it is given is the first that the partition ever had. */
    readonly fromBeginning?: boolean;
    /** Clean deltas held in memory at most. */
    readonly cacheLimit: number;
  }) {
    this.#definition = options.definition;
    this.#views = options.views;
    this.#partition = options.partition;
    this.#logId = options.logId;
    this.#countsFrom = options.countsFrom ?? 0n;
    this.#cache = new DeltaCache(options.definition, options.views, options.partition, options.cacheLimit);
    this.#epoch = options.position?.epoch ?? 0;
    this.#previousEpoch = options.position?.previousEpoch ?? null;
    if (options.fromBeginning && this.#countsFrom === 0n) this.#cache.begin(this.#epoch);
  }

  /** Deltas and dead letters that the store does not have yet. */
  get pending(): number {
    return this.gathered + this.#cache.unwrittenCount;
  }

  /** Those that no flush is writing: one that changed again while it was written is among them too. */
  get gathered(): number {
    return this.#cache.dirtyCount + this.#deadLetters.length;
  }

  /** Deltas in memory, changed or not. */
  get held(): number {
    return this.#cache.dirtyCount + this.#cache.unwrittenCount + this.#cache.cleanCount;
  }

  async fold(records: readonly LogRecord[]): Promise<void> {
    let accepted: Accepted[] = [];
    for (const record of records) {
      if (hasBarrierHeader(record)) {
        const barrier = barrierOf(record);
        if (barrier === null || barrier.generation <= this.#epoch) continue;
        await this.#foldAccepted(accepted);
        accepted = [];
        this.#previousEpoch = this.#epoch;
        this.#epoch = barrier.generation;
        if (record.offset >= this.#countsFrom) this.#cache.begin(this.#epoch);
        continue;
      }
      const event = this.#accept(record);
      if (event && record.offset >= this.#countsFrom) accepted.push({ event, offset: record.offset });
    }
    await this.#foldAccepted(accepted);
    this.#last = records.at(-1) ?? this.#last;
    reached('fold: folded');
  }

  /**
   * Makes everything folded so far durable: markers, rows, dead letters, and the position last. More may be folded meanwhile,
   * which is the next flush's. One at a time; after one that failed the next writes what it did not.
   */
  async flush(): Promise<void> {
    const letters = this.#deadLetters.slice();
    const position = this.#position();
    await this.#cache.flush();
    if (letters.length > 0) {
      await this.#views.writeDeadLetters(letters);
      this.#deadLetters.splice(0, letters.length);
      reached('fold: dead letters written');
    }
    if (position === null || position.offset === this.#written) return;
    await this.#views.writePosition(this.#partition, position);
    this.#written = position.offset;
    reached('fold: position written');
  }

  /** How far everything is folded; null before the first record. */
  #position(): Position | null {
    return (
      this.#last && {
        offset: this.#last.offset,
        epoch: this.#epoch,
        previousEpoch: this.#previousEpoch,
        fingerprint: fingerprint(this.#last),
        logId: this.#logId,
      }
    );
  }

  #accept(record: LogRecord): TidemarkEvent | null {
    const bytes = record.value ?? new Uint8Array();
    const parsed = parse(bytes, { currency: this.#definition.currency });
    if (parsed.ok) {
      for (const field of parsed.unknownFields) countUp(this.counts.unknownFields, field);
      return parsed.event;
    }
    countUp(this.counts.rejected, parsed.code);
    const { partition, offset } = record;
    this.#deadLetters.push({ partition, offset, code: parsed.code, reason: parsed.reason, bytes });
    return null;
  }

  /** Folds events of the current epoch. The epoch before is loaded with it: both are the repeat window. */
  async #foldAccepted(accepted: readonly Accepted[]): Promise<void> {
    if (accepted.length === 0) return;
    const epochs = this.#previousEpoch === null ? [this.#epoch] : [this.#previousEpoch, this.#epoch];
    const held = await this.#cache.load(new Set(accepted.map(({ event }) => event.customer_id)), epochs);
    for (const { event, offset } of accepted) {
      const deltas = held.get(event.customer_id);
      const entry = deltas?.at(-1);
      if (!entry) throw new Error('a delta that was loaded is not held');
      const before = this.#previousEpoch === null ? undefined : deltas?.at(0);
      const outcome = foldRecord(this.#definition, entry.delta, before?.delta ?? null, event, offset);
      if (outcome === 'already in') continue;
      if (outcome === 'repeat') this.counts.repeats++;
      else this.counts.folded++;
      this.#cache.markDirty(entry);
    }
  }
}

/** Names a record brings are the sender's: only so many are told apart. */
const MAX_NAMES = 100;

function countUp(counts: Map<string, number>, name: string): void {
  const key = counts.has(name) || counts.size < MAX_NAMES ? name : 'other';
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
