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
   * Works on many items, as many at once as may be under way; `work` takes its places by `run`. An item is taken when its turn
   * comes. The results are in the order of the items. The first failure is thrown when everything that was begun has ended;
   * nothing new is begun after it.
   */
  async map<I, T>(items: Iterable<I>, work: (item: I) => Promise<T>): Promise<readonly T[]> {
    const results: T[] = [];
    const failures: unknown[] = [];
    const left = items[Symbol.iterator]();
    let taken = 0;
    let isOver = false;
    const lane = async (): Promise<void> => {
      while (failures.length === 0) {
        try {
          const next = left.next();
          if (next.done) break;
          const at = taken++;
          results[at] = await work(next.value);
        } catch (error) {
          failures.push(error);
        }
      }
      isOver = true;
    };
    const lanes: Promise<void>[] = [];
    while (lanes.length < this.#limit && !isOver) lanes.push(lane());
    await Promise.all(lanes);
    if (failures.length > 0) throw failures[0];
    return results;
  }
}
