import type { Serving } from '@tidemark/views';
import type { ServingContext } from './serving-context.ts';
import { SharedValue } from './shared-value.ts';

/** The row may be held so long. */
const MAX_AGE_MS = 500;

type Source = Pick<ServingContext, 'definition' | 'serving' | 'ticks' | 'handOverMs'>;

/**
 * Whether requests are to be sent here: to servers of the definition that is served. A server answers by its own code's
 * definition, always; when another one is served from now on, it keeps its turn for `handOverMs`, in which balancers find those
 * of the other one ready. Before anything is published it is everybody's turn.
 */
export class Turn {
  readonly #source: Source;
  readonly #serving: SharedValue<Serving | null>;
  /** When this definition was last seen served, in monotonic milliseconds. */
  #servedAtMs: number | null = null;

  constructor(source: Source) {
    this.#source = source;
    this.#serving = new SharedValue({
      fetch: source.serving,
      ticks: source.ticks,
      refreshAfterMs: MAX_AGE_MS / 2,
      maxAgeMs: MAX_AGE_MS,
    });
  }

  /** Null when it is this server's turn; else the definition whose it is. */
  async otherServed(): Promise<string | null> {
    const { definition, ticks, handOverMs } = this.#source;
    const { value, fetchedAtMs } = await this.#serving.get();
    if (value === null || value.serving === definition.id) {
      this.#servedAtMs = fetchedAtMs;
      return null;
    }
    const isHandingOver = this.#servedAtMs !== null && ticks() - this.#servedAtMs < handOverMs;
    return isHandingOver ? null : value.serving;
  }
}
