import { type PartitionWorker, startWorker, type WorkerOptions } from './partition-worker.ts';

/** The workers of one group member, one at most for each partition. */
export class PartitionWorkers {
  readonly #workers = new Map<number, PartitionWorker>();
  readonly #onEnded: (partition: number, failure: { readonly error: unknown } | null) => void;

  /** `onEnded` is told when a partition's worker is gone, and why if it failed. */
  constructor(onEnded: (partition: number, failure: { readonly error: unknown } | null) => void) {
    this.#onEnded = onEnded;
  }

  get(partition: number): PartitionWorker | undefined {
    return this.#workers.get(partition);
  }

  entries(): readonly (readonly [number, PartitionWorker])[] {
    return [...this.#workers];
  }

  /** Those that are not about to end, ascending. */
  held(): readonly number[] {
    const going = this.entries().filter(([, worker]) => !worker.isStopping);
    return going.map(([partition]) => partition).sort((a, b) => a - b);
  }

  start(options: WorkerOptions): void {
    const { partition } = options;
    const worker = startWorker(options);
    this.#workers.set(partition, worker);
    const end = (failure: { readonly error: unknown } | null) => {
      this.#workers.delete(partition);
      this.#onEnded(partition, failure);
    };
    worker.ended.then(
      () => end(null),
      (error: unknown) => end({ error }),
    );
  }

  loseAll(): void {
    for (const worker of this.#workers.values()) worker.lose();
  }

  /** Resolves when every running call is over. */
  async stopAll(): Promise<void> {
    for (const worker of this.#workers.values()) worker.stop();
    await Promise.allSettled([...this.#workers.values()].map((worker) => worker.ended));
  }
}
