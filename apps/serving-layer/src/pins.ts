import type { Catalog } from '@tidemark/catalog';
import { formatTime } from '@tidemark/contracts';
import type { Cut, DeltaSlice, Lineage, LivePointer } from '@tidemark/views';
import { pinned } from '@tidemark/views';
import { fromCatalog } from './outage.ts';
import { ApiProblem } from './problem.ts';
import type { ServingContext } from './serving-context.ts';
import { type Fetched, SharedValue } from './shared-value.ts';

/** The pointer may be held so long: an older readable generation gives an equally right answer. */
const POINTER_MAX_AGE_MS = 500;
/** A reader that took longer since the pointer came from the store looks again; the cleaner waits three times as long. */
export const LOOK_AGAIN_MS = 10_000;
const ATTEMPTS = 3;

/** A cut as answers carry it. */
export type CutAnswer = { partitions: Record<string, string>; imports: number };

/** One generation that a read holds on to: everything it reads is relative to it. */
export type Pin = {
  /** Null before the first generation: deltas alone. */
  readonly generation: number | null;
  readonly lineage: Lineage | null;
  readonly slice: DeltaSlice;
  readonly barrierAtMs: number | null;
  /** As answers say it. */
  readonly cut: CutAnswer | null;
  readonly publishedAt: string | null;
  /** Monotonic time of the pointer that says it is readable. */
  readonly fetchedAtMs: number;
};

type Source = Pick<ServingContext, 'definition' | 'views' | 'serving' | 'catalog' | 'ticks'>;

/** The pointer as it was read, and the pin it gives. `filledBeside`: the definition served while this one has no generation. */
type Live = {
  readonly pointer: LivePointer | null;
  readonly pin: Omit<Pin, 'fetchedAtMs'>;
  readonly filledBeside: string | null;
};

/** Hands out pins, and says whether what was read under one may be answered. */
export class Pins {
  readonly #context: Source;
  readonly #pointer: SharedValue<Live>;

  constructor(context: Source) {
    this.#context = context;
    this.#pointer = new SharedValue({
      fetch: async () => {
        const pointer = await context.views.pointer();
        // Without a pointer the tables may be gone, which only their rows tell.
        if (pointer === null) await context.views.positions();
        const serving = pointer === null ? await context.serving() : null;
        const other = serving?.serving ?? context.definition.id;
        return { pointer, pin: pinOf(pointer), filledBeside: other === context.definition.id ? null : other };
      },
      ticks: context.ticks,
      refreshAfterMs: POINTER_MAX_AGE_MS / 2,
      maxAgeMs: POINTER_MAX_AGE_MS,
    });
  }

  /** The live pointer, at most half a second old. */
  async pointer(): Promise<LivePointer | null> {
    return (await this.#pointer.get()).value.pointer;
  }

  /** The live pointer as the store has it now. */
  async latestPointer(): Promise<LivePointer | null> {
    return (await this.#pointer.fetch()).value.pointer;
  }

  /**
   * The live generation, or the one asked for: 404 when it was never published, 410 when it is below the floor. 503 while the
   * definition is being filled beside another one: its speed view begins at that one's cut, a part that looks like the whole.
   */
  async pin(generation?: number): Promise<Pin> {
    const shared = this.#pointer.get();
    const { value, fetchedAtMs } = shared instanceof Promise ? await shared : shared;
    if (value.filledBeside !== null) {
      throw new ApiProblem(
        'TIDEMARK_API_NOT_SERVED',
        `Definition ${value.filledBeside} is served; ${this.#context.definition.id}, by which this server answers, has no generation yet.`,
      );
    }
    if (generation === undefined || generation === value.pin.generation) return { ...value.pin, fetchedAtMs };
    return { ...(await this.#published(generation, value.pointer)), fetchedAtMs };
  }

  /**
   * Reads under a pin. Work that took long since the pointer came from the store is done again under a newer pointer when
   * the generation is below the floor by then, for its rows may be deleted; a generation that was asked for is then gone (410).
   */
  async read<T>(generation: number | undefined, work: (pin: Pin) => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const pin = await this.pin(generation);
      const result = await work(pin);
      if (this.isFresh(pin) || (await this.lookAgain(pin)) !== null) return result;
      if (generation !== undefined) throw gone(generation);
    }
    throw new ApiProblem('TIDEMARK_API_UNAVAILABLE', 'The generation moved away under the read several times.');
  }

  /** Whether the pin needs no second look yet. Before the first generation it always does: what makes its rows a part may be quick. */
  isFresh(pin: Pin): boolean {
    return pin.generation !== null && this.#context.ticks() - pin.fetchedAtMs <= LOOK_AGAIN_MS;
  }

  /** The pin under a pointer that is fresh from the store; null when its generation is no longer readable. */
  async lookAgain(pin: Pin): Promise<Pin | null> {
    let latest: Fetched<Live>;
    do latest = await this.#pointer.fetch();
    while (this.#context.ticks() - latest.fetchedAtMs > LOOK_AGAIN_MS);
    const { pointer, filledBeside } = latest.value;
    // Before the first generation nothing is deleted; after it, deltas alone are no answer any more. Nor are they where another
    // definition has had its first: a partition of which nothing was folded by then begins with that one's cut.
    const readable =
      pin.generation === null
        ? pointer === null && filledBeside === null
        : pointer !== null && pointer.floor <= pin.generation;
    return readable ? { ...pin, fetchedAtMs: latest.fetchedAtMs } : null;
  }

  async #published(generation: number, pointer: LivePointer | null): Promise<Omit<Pin, 'fetchedAtMs'>> {
    const run = await fromCatalog(this.#context.catalog.run(generation));
    if (run === null || run.definition !== this.#context.definition.id || !isPublished(run) || pointer === null) {
      throw new ApiProblem('TIDEMARK_API_UNKNOWN_GENERATION', `Generation ${generation} was never published.`);
    }
    if (generation < pointer.floor) throw gone(generation);
    const { excluded, cut, imports, barrierAtMs, publishedAtMs } = run;
    return pinOf({ generation, excluded, cut: { partitions: cut, imports }, barrierAtMs, publishedAtMs });
  }
}

type CatalogRun = NonNullable<Awaited<ReturnType<Catalog['run']>>>;
type PublishedRun = CatalogRun & { readonly [K in 'excluded' | 'cut' | 'publishedAtMs']: NonNullable<CatalogRun[K]> };

const isPublished = (run: CatalogRun): run is PublishedRun =>
  run.status === 'published' && run.excluded !== null && run.cut !== null && run.publishedAtMs !== null;

/** Null: the time before the first generation, whose deltas may be deleted once there is one. */
export function gone(generation: number | null): ApiProblem {
  const detail =
    generation === null
      ? 'A first generation has been published since. Begin again.'
      : `Generation ${generation} is below the floor and no longer readable.`;
  return new ApiProblem('TIDEMARK_API_GENERATION_GONE', detail);
}

type Pinned = Pick<LivePointer, 'generation' | 'excluded' | 'cut' | 'barrierAtMs' | 'publishedAtMs'>;

function pinOf(pointer: Pinned | null): Omit<Pin, 'fetchedAtMs'> {
  return {
    generation: pointer?.generation ?? null,
    ...pinned(pointer),
    barrierAtMs: pointer?.barrierAtMs ?? null,
    cut: pointer && cutAnswer(pointer.cut),
    publishedAt: pointer && formatTime(pointer.publishedAtMs),
  };
}

export const cutAnswer = ({ partitions, imports }: Cut): CutAnswer => ({
  partitions: offsetsByPartition(partitions),
  imports,
});

/** Offsets as decimal strings by partition, partitions ascending. */
export function offsetsByPartition(offsets: ReadonlyMap<number, bigint>): Record<string, string> {
  const byPartition: Record<string, string> = {};
  for (const partition of [...offsets.keys()].sort((a, b) => a - b)) {
    byPartition[partition] = String(offsets.get(partition));
  }
  return byPartition;
}
