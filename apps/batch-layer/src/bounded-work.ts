/** Pieces of work under way, at most so many at once. The first failure is thrown by the next `add` or by `drain`. */
export class BoundedWork {
  readonly #limit: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts a piece, once there is room. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= this.#limit) await Promise.race(this.#underWay);
    this.#throwFailure();
    const working = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underWay.delete(working));
    this.#underWay.add(working);
  }

  /** Resolves when every piece is done. */
  async drain(): Promise<void> {
    await this.settle();
    this.#throwFailure();
  }

  /** Waits until nothing is under way, however it ended: nobody leaves work behind that they do not know of. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
