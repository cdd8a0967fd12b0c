/**
 * Bounds what is under way at once, for all callers of a store together. More than the nodes can take would only wait in
 * their queues until it times out; here it waits where it costs nothing, and slows its caller down.
 */
export class InFlight {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // The place goes to the one that waits longest, without ever being free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /**
   * Works on many items, as many at once as may be under way; `work` takes its places by `run`. The results are in the order
   * of the items. The first failure is thrown when everything that was begun has ended; nothing new is begun after it.
   */
  async map<I, T>(items: readonly I[], work: (item: I) => Promise<T>): Promise<readonly T[]> {
    const results: T[] = new Array(items.length);
    const failures: unknown[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (failures.length === 0 && next < items.length) {
        const at = next++;
        const item = items[at];
        if (item === undefined) continue;
        try {
          results[at] = await work(item);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#limit, items.length) }, lane));
    if (failures.length > 0) throw failures[0];
    return results;
  }
}
