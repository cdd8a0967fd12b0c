import type { Brokers, Fetched, FetchPartition } from './brokers.ts';
import { brokerError } from './outage.ts';

export type Wait = FetchPartition & {
  /** How long to wait for a record; 0 answers at once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
};

/** A broker answers after so long even when nothing came: so long may a newcomer have to wait for the next request. */
const POLL_MS = 100;

type Waiter = FetchPartition & {
  readonly deadline: number;
  /** Something is there, and was left out of an answer to several for its size. */
  isStarved: boolean;
  settle(fetched: Fetched | null): void;
  fail(error: unknown): void;
};

/**
 * Fetches from the leaders, one request at a time to each, since a connection's requests are answered in turn. All who wait
 * share it; who is busy with a batch is not in it, so that a slow partition never holds the others up.
 */
export class Fetcher {
  readonly #brokers: Brokers;
  readonly #waiters = new Map<number, Set<Waiter>>();

  constructor(brokers: Brokers) {
    this.#brokers = brokers;
  }

  /** What is there from an offset on, or nothing when the time is up; null when called off before. */
  async fetch(wait: Wait): Promise<Fetched | null> {
    const { signal } = wait;
    const { leaders } = await this.#brokers.topology(Number.POSITIVE_INFINITY);
    if (signal?.aborted) return null;
    const leader = leaders.get(wait.partition) ?? -1;
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(leader) ?? new Set();
      const end = () => {
        waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        ...wait,
        deadline: performance.now() + wait.waitMs,
        isStarved: false,
        settle: (fetched) => {
          end();
          resolve(fetched);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      const onAbort = () => waiter.settle(null);
      signal?.addEventListener('abort', onAbort, { once: true });
      waiters.add(waiter);
      if (this.#waiters.has(leader)) return;
      this.#waiters.set(leader, waiters);
      void this.#poll(leader, waiters);
    });
  }

  async #poll(leader: number, waiters: Set<Waiter>): Promise<void> {
    for (;;) {
      // All who come in this turn of the event loop go in one request.
      await new Promise((resolve) => setImmediate(resolve));
      const asked = nextOf(waiters);
      if (asked.length === 0) break;
      const leftMs = Math.min(...asked.map(({ deadline }) => Math.ceil(deadline - performance.now())));
      try {
        const answers = await this.#brokers.fetch(leader, asked, Math.max(0, Math.min(POLL_MS, leftMs)));
        for (const waiter of asked) answer(waiter, answers.get(waiter.partition), asked.length === 1, waiters);
      } catch (error) {
        const only = brokerError(error) === 'OFFSET_OUT_OF_RANGE' ? partitionOf(error) : null;
        for (const waiter of asked) if (only === null || waiter.partition === only) waiter.fail(error);
      }
    }
    this.#waiters.delete(leader);
  }
}

/** One for each partition, or one alone whose batch has no place beside others. */
function nextOf(waiters: Set<Waiter>): readonly Waiter[] {
  const byPartition = new Map<number, Waiter>();
  for (const waiter of waiters) {
    if (waiter.isStarved) return [waiter];
    if (!byPartition.has(waiter.partition)) byPartition.set(waiter.partition, waiter);
  }
  return [...byPartition.values()];
}

function answer(waiter: Waiter, fetched: Fetched | undefined, isAlone: boolean, waiters: Set<Waiter>): void {
  if (!waiters.has(waiter) || fetched === undefined) return;
  waiter.isStarved = fetched.messages.length === 0 && BigInt(fetched.lastStableOffset) > waiter.from && !isAlone;
  const isEmpty = fetched.messages.length === 0 && BigInt(fetched.lastStableOffset) <= waiter.from;
  if (!waiter.isStarved && (!isEmpty || performance.now() >= waiter.deadline)) {
    waiter.settle(fetched);
    return;
  }
  // Behind those that wait for the same partition from elsewhere.
  waiters.delete(waiter);
  waiters.add(waiter);
}

/** kafkajs says of which partition an offset is out of range, and nothing of the others that were asked for. */
const partitionOf = (error: unknown): number | null =>
  error instanceof Error && 'partition' in error && typeof error.partition === 'number' ? error.partition : null;
