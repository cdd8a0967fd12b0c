/** A value with the moment (monotonic milliseconds) its fetching began: what it says was true at that moment or later. */
export type Fetched<T> = { readonly value: T; readonly fetchedAtMs: number };

export type SharedValueOptions<T> = {
  readonly fetch: () => Promise<T>;
  /** Monotonic milliseconds. */
  readonly ticks: () => number;
  /** From this age on a reader's asking starts a refresh behind its back. */
  readonly refreshAfterMs: number;
  /** An older value is not handed out: readers wait for a new one. */
  readonly maxAgeMs: number;
};

/**
 * A value that many readers share for a short time. At most one fetch is under way, however many ask, and while the value
 * is young nobody waits for it. A fetch that fails fails those who wait for it, and nobody else.
 */
export class SharedValue<T> {
  readonly #options: SharedValueOptions<T>;
  #held: Fetched<T> | null = null;
  #fetching: Promise<Fetched<T>> | null = null;

  constructor(options: SharedValueOptions<T>) {
    this.#options = options;
  }

  /** The value, at most `maxAgeMs` old. At once, without a promise, when there is one. */
  get(): Fetched<T> | Promise<Fetched<T>> {
    const { ticks, refreshAfterMs, maxAgeMs } = this.#options;
    const held = this.#held;
    if (held === null) return this.fetch();
    const age = ticks() - held.fetchedAtMs;
    if (age >= maxAgeMs) return this.fetch();
    // Whoever asks after the value has grown too old hears of the failure.
    if (age >= refreshAfterMs && this.#fetching === null) this.fetch().catch(() => undefined);
    return held;
  }

  /** The next value of the store, or of the fetch already under way: `fetchedAtMs` says since when. */
  fetch(): Promise<Fetched<T>> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<Fetched<T>> {
    const fetchedAtMs = this.#options.ticks();
    const held = { value: await this.#options.fetch(), fetchedAtMs };
    this.#held = held;
    return held;
  }
}
