/**
 * A read that those who ask at the same time share: the answer is of a read that began after they asked. While one is under
 * way, all who ask wait for the next.
 */
export class JoinedRead<T> {
  readonly #read: () => Promise<T>;
  #running: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  ask(): Promise<T> {
    const running = this.#running;
    if (running === null) return this.#begin();
    this.#next ??= this.#after(running);
    return this.#next;
  }

  async #after(running: Promise<T>): Promise<T> {
    // Its failure is told to those who asked for it.
    await running.catch(() => {});
    this.#next = null;
    return await this.#begin();
  }

  #begin(): Promise<T> {
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
