import type { Bounds, Consumer, EventLog } from '@tidemark/log';
import type { Health } from '@tidemark/runtime';

export type SpeedHealthOptions = {
  /** The next offset of each partition that it folds. */
  readonly layer: { progress(): ReadonlyMap<number, { readonly next: bigint }> };
  readonly log: Pick<EventLog, 'bounds'>;
  /** Monotonic milliseconds. */
  readonly ticks: () => number;
  /** How long something may stand still while there is work. */
  readonly stallMs: number;
};

/** How long the log may take to say where its partitions end. */
const BOUNDS_MS = 2_000;

/** Where something stands, and since when it was seen standing there with work before it. */
type Standing = { readonly at: bigint | null; readonly sinceMs: number };

/**
 * Whether the speed layer makes progress, which is more than that its process lives. Unhealthy until the group has told it
 * its share, which may be none; and when a partition it holds has not advanced for `stallMs` while the log has more, or it
 * has been out of its group for so long. Times count from the first check that saw it, so it must be asked regularly. A
 * log that does not answer is no reason: starting again would not bring it back.
 */
export class SpeedHealth {
  readonly #options: SpeedHealthOptions;
  #consumer: Pick<Consumer, 'held' | 'isMember'> | null = null;
  #hasJoined = false;
  #outSinceMs: number | null = null;
  #standing: ReadonlyMap<number, Standing> = new Map();

  constructor(options: SpeedHealthOptions) {
    this.#options = options;
  }

  /** Told once the group has been asked to join. */
  follow(consumer: Pick<Consumer, 'held' | 'isMember'>): void {
    this.#consumer = consumer;
  }

  async check(): Promise<Health> {
    const { layer, log, ticks, stallMs } = this.#options;
    const consumer = this.#consumer;
    this.#hasJoined ||= consumer?.isMember() === true;
    if (consumer === null || !this.#hasJoined) return { ok: false, problem: 'not in its group yet' };

    const bounds = await inTime(log.bounds());
    const partitions = consumer.held();
    if (bounds === null) return { ok: true, partitions, log: 'does not answer' };
    const nowMs = ticks();
    this.#outSinceMs = consumer.isMember() ? null : (this.#outSinceMs ?? nowMs);
    if (this.#outSinceMs !== null && nowMs - this.#outSinceMs >= stallMs) {
      return { ok: false, problem: 'out of its group' };
    }
    const standing = new Map<number, Standing>();
    for (const partition of partitions) {
      // Not assigned to the end yet: it stands before its first record.
      const next = layer.progress().get(partition)?.next ?? null;
      if (next !== null && next >= (bounds.get(partition)?.end ?? 0n)) continue;
      const before = this.#standing.get(partition);
      standing.set(partition, before?.at === next ? before : { at: next, sinceMs: nowMs });
    }
    this.#standing = standing;
    const stalled = [...standing].filter(([, { sinceMs }]) => nowMs - sinceMs >= stallMs).map(([each]) => each);
    return stalled.length === 0
      ? { ok: true, partitions }
      : { ok: false, problem: 'partitions that do not advance', partitions, stalled };
  }
}

/** Null when they don't come, for whatever reason. */
async function inTime(asked: Promise<ReadonlyMap<number, Bounds>>): Promise<ReadonlyMap<number, Bounds> | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), BOUNDS_MS);
  });
  try {
    return await Promise.race([asked.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
