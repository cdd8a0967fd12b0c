import type { Cluster } from './cluster.ts';
import { hasWholeBatch } from './record-batch.ts';
import { type FetchedPartition, type FetchPartition, fetch } from './requests/fetch.ts';
import { ProtocolError } from './wire/protocol-error.ts';

export type Wait = FetchPartition & {
  /** How long to wait for a batch; 0 answers at once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
};

/** A broker answers after so long even when nothing came, so that who waits anew need not wait for it. */
const POLL_MS = 250;
/** Requests that wait at a broker at once: who comes while one waits without them goes along with the other. */
const POLLS = ['poll 1', 'poll 2'] as const;

type Waiter = Wait & {
  readonly deadline: number;
  /** The lane of the poll that asks for it just now. */
  lane: string | null;
  /** The last answer, which brought no batch. */
  answered: FetchedPartition | null;
  settle(result: FetchedPartition | null): void;
  fail(error: unknown): void;
};

/**
 * Fetches from the leaders. All who wait at one broker share its long polls; who is busy with a batch is in none, so that
 * a slow partition never holds the others up, and no answer lies about undelivered.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #topicId: string;
  readonly #waiters = new Map<number, Set<Waiter>>();

  constructor(cluster: Cluster, topicId: string) {
    this.#cluster = cluster;
    this.#topicId = topicId;
  }

  /** At least one whole batch, or none when the time is up; null when called off before anything was answered. */
  async fetch(wait: Wait): Promise<FetchedPartition | null> {
    if (wait.signal?.aborted) return null;
    const leader = await this.#cluster.leaderOf(wait.partition);
    if (wait.waitMs > 0) return this.#wait(leader, wait);
    const [fetched] = await this.#cluster.send(leader, 'main', fetch(this.#topicId, 0, [wait]));
    if (fetched === undefined) throw new RangeError('An answer to Fetch without the partition asked for.');
    return checked(fetched);
  }

  #wait(leader: number, wait: Wait): Promise<FetchedPartition | null> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(leader) ?? new Set();
      this.#waiters.set(leader, waiters);
      const end = () => {
        waiters.delete(waiter);
        wait.signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        ...wait,
        deadline: performance.now() + wait.waitMs,
        lane: null,
        answered: null,
        settle: (result) => {
          end();
          resolve(result);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      const onAbort = () => waiter.settle(waiter.answered);
      wait.signal?.addEventListener('abort', onAbort, { once: true });
      waiters.add(waiter);
      // All who come in this turn of the event loop go in one request.
      setImmediate(() => this.#dispatch(leader, waiters));
    });
  }

  #dispatch(leader: number, waiters: Set<Waiter>): void {
    const idle = [...waiters].filter((waiter) => waiter.lane === null);
    const lane = POLLS.find((each) => ![...waiters].some((waiter) => waiter.lane === each));
    if (idle.length === 0 || lane === undefined) return;
    for (const waiter of idle) waiter.lane = lane;
    void this.#poll(leader, lane, idle).finally(() => {
      // In the next turn, when those who were answered and read on have come again: none is left to wait for the others.
      setImmediate(() => this.#dispatch(leader, waiters));
    });
  }

  async #poll(leader: number, lane: string, asked: readonly Waiter[]): Promise<void> {
    const waitMs = Math.max(
      0,
      Math.min(POLL_MS, ...asked.map(({ deadline }) => Math.ceil(deadline - performance.now()))),
    );
    try {
      const fetched = await this.#cluster.send(leader, lane, fetch(this.#topicId, waitMs, asked));
      const answers = new Map(fetched.map((each) => [each.partition, each]));
      for (const waiter of asked) this.#answer(waiter, answers.get(waiter.partition));
    } catch (error) {
      for (const waiter of asked) waiter.fail(error);
    }
  }

  #answer(waiter: Waiter, fetched: FetchedPartition | undefined): void {
    waiter.lane = null;
    if (fetched === undefined) return;
    try {
      waiter.answered = checked(fetched);
    } catch (error) {
      waiter.fail(error);
      return;
    }
    // A size limit may have left a partition without a whole batch: it asks again, before those that come later.
    if (hasWholeBatch(fetched.records) || performance.now() >= waiter.deadline) waiter.settle(waiter.answered);
  }
}

function checked(fetched: FetchedPartition): FetchedPartition {
  if (fetched.error !== 0) throw new ProtocolError(fetched.error, `Partition ${fetched.partition}`);
  return fetched;
}
