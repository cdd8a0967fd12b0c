import type { Clock } from '@tidemark/runtime';

type Timer = {
  readonly id: number;
  readonly owner: object | null;
  readonly atTicks: number;
  readonly fire: () => void;
};

/**
 * A wall clock that jumps, a steady one that doesn't, and the timers that hang on the steady one. While it is installed,
 * `setTimeout` and `Math.random` are the simulation's: whatever waits or varies, waits and varies by the seed.
 */
export class SimulatedTime {
  readonly clock: Clock = { now: () => this.#startMs + this.#ticks + this.#offMs };
  /** Monotonic milliseconds. */
  readonly ticks = (): number => this.#ticks;
  /** Whose code runs now: new timers are theirs. */
  owner: object | null = null;
  readonly #startMs: number;
  #ticks = 0;
  #offMs = 0;
  #timers: Timer[] = [];
  #lastId = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Moves the wall clock alone, also back. */
  jump(ms: number): void {
    this.#offMs += ms;
  }

  /** Puts the wall clock right. */
  adjust(): void {
    this.#offMs = 0;
  }

  hasTimer(owner: object): boolean {
    return this.#timers.some((timer) => timer.owner === owner);
  }

  forget(owner: object): void {
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** Milliseconds until the next timer; null without one. */
  get untilNext(): number | null {
    const at = Math.min(...this.#timers.map(({ atTicks }) => atTicks));
    return Number.isFinite(at) ? Math.max(0, at - this.#ticks) : null;
  }

  advance(ms: number): void {
    this.#ticks += ms;
  }

  /** The next timer that is due, taken out; null without one. */
  due(): Timer | null {
    const [first] = this.#timers
      .filter(({ atTicks }) => atTicks <= this.#ticks)
      .sort((a, b) => a.atTicks - b.atTicks || a.id - b.id);
    if (!first) return null;
    this.#timers = this.#timers.filter((timer) => timer !== first);
    return first;
  }

  /** Answers what puts the real ones back. */
  install(random: () => number): () => void {
    const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, random: Math.random };
    const setTimer = (fire: () => void, ms = 0) => {
      const id = ++this.#lastId;
      this.#timers.push({ id, owner: this.owner, atTicks: this.#ticks + ms, fire });
      return { id, unref: () => undefined, ref: () => undefined };
    };
    const clearTimer = (timer: unknown) => {
      if (typeof timer !== 'object' || timer === null || !('id' in timer)) return;
      this.#timers = this.#timers.filter(({ id }) => id !== timer.id);
    };
    Object.assign(globalThis, { setTimeout: setTimer, clearTimeout: clearTimer });
    Math.random = random;
    return () => {
      Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
      Math.random = real.random;
    };
  }
}
