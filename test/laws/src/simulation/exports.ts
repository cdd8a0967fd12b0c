import { CustomerReader, type CustomerView, openWholeView, Pins, ProgressReader } from '@tidemark/serving-layer';
import type { Mirror } from '../mirror.ts';
import { type Answer, holdToLaw } from '../read-law.ts';
import { CUSTOMERS } from '../world.ts';
import type { Definitions } from './definitions.ts';
import { portsOf, type Shared } from './ports.ts';
import { cutOf, type Readers } from './readers.ts';
import type { Process, Simulation } from './simulation.ts';

/** Exports at once, at most. */
const MAX_EXPORTS = 2;

/** Customers of a page: so few that there are several pages. */
const LIMITS = [1, 2] as const;

/** How long a client takes over a page: mostly not at all, now and then for longer than its generation is kept. */
const PAUSES_MS = [0, 0, 12_000, 150_000, 400_000] as const;

/** Some ask for one of the newest generations by number: the one before the live one goes first. */
const ASKED_FOR = 2;

/** Clients who take the whole merged view, page by page, from a server of the definition that is served. */
export class Exports {
  readonly #simulation: Simulation;
  readonly #definitions: Definitions;
  readonly #readers: Readers;
  readonly #mirror: Mirror;
  #running: readonly Process[] = [];
  #broken: { readonly error: unknown } | null = null;

  constructor(simulation: Simulation, definitions: Definitions, readers: Readers, mirror: Mirror) {
    this.#simulation = simulation;
    this.#definitions = definitions;
    this.#readers = readers;
    this.#mirror = mirror;
  }

  async begin(): Promise<void> {
    this.#running = this.#running.filter(({ state }) => state === 'running');
    if (this.#running.length >= MAX_EXPORTS) return;
    const shared = await this.#definitions.forRead();
    const process = await this.#simulation.start('export', async (process) => {
      try {
        await this.#export(process, shared);
      } catch (error) {
        if (!this.#readers.mayAnswer(error, shared.definition)) this.#broken ??= { error };
      }
    });
    this.#running = [...this.#running, process];
  }

  failIfBroken(): void {
    if (this.#broken) throw this.#broken.error;
  }

  async #export(process: Process, shared: Shared): Promise<void> {
    const { random, time } = this.#simulation;
    const published = shared.catalog.published(shared.definition.id).slice(0, ASKED_FOR);
    const generation = published.length > 0 && random.chance(0.5) ? random.pick(published).generation : undefined;
    const { definition, store, views, log, catalog, clock } = portsOf(this.#simulation, process, shared);
    const context = { definition, serving: () => store.serving(), views, log, catalog, clock, ticks: time.ticks };
    const pins = new Pins(context);
    const customers = new CustomerReader(context, pins, new ProgressReader(context));
    const whole = await openWholeView({ context, pins, customers }, { generation }, random.pick(LIMITS));

    const seen = new Set<string>();
    const atStart = await positionsOf(shared);
    for (let positions = atStart; ; positions = await positionsOf(shared)) {
      const page = await whole.pages.next();
      if (page.done) break;
      for (const { customerId } of page.value) {
        if (seen.has(customerId)) throw new Error(`${customerId} is in an export twice`);
        seen.add(customerId);
      }
      this.#check(whole, positions, page.value.map(answerOf));
      await pause(random.pick(PAUSES_MS));
    }
    // Who came while it went on may be left out, for their place may have been passed by then.
    const missing = CUSTOMERS.filter((customerId) => !seen.has(customerId));
    this.#check(
      whole,
      atStart,
      missing.map((customerId) => ({ customerId, view: null, deltas: [] })),
    );
    this.#simulation.note('export ended');
  }

  #check(
    { pin, asOfMs }: { readonly pin: { readonly cut: Parameters<typeof cutOf>[0] | null }; readonly asOfMs: number },
    positions: Answer['positions'],
    customers: Answer['customers'],
  ): void {
    holdToLaw(this.#mirror, { cut: pin.cut && cutOf(pin.cut), positions, asOfMs, customers });
  }
}

/** How far the speed layer is, as whoever looks from outside sees it: what is read behind it has all of that. */
async function positionsOf({ plainViews, definition }: Shared): Promise<ReadonlyMap<number, bigint>> {
  const positions = await plainViews(definition).positions();
  return new Map([...positions].map(([partition, { offset }]) => [partition, offset]));
}

const answerOf = (view: CustomerView): Answer['customers'][number] => ({
  customerId: view.customerId,
  view,
  deltas: view.deltas.map((delta) => ({ partition: delta.partition, lastOffset: BigInt(delta.last_offset) })),
});

/** By a timer of the simulation. */
const pause = (ms: number): Promise<void> =>
  ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
