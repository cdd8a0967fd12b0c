import { openMemoryLog } from '@tidemark/log/testing';
import { CustomerReader, type CustomersRead, Pins, ProgressReader } from '@tidemark/serving-layer';
import type { Cut } from '@tidemark/views';
import type { Mirror } from '../mirror.ts';
import { holdToLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { portsOf, type Shared } from './ports.ts';
import type { Process, Simulation } from './simulation.ts';

/** Of the newest generations, so many are asked for by number: some of them are below the floor. */
const ASKED_FOR = 3;

/** Readers of the serving layer: one whose calls take their time among all others, and one that is answered at once. */
export class Readers {
  checked = 0;
  readonly #simulation: Simulation;
  readonly #shared: Shared;
  readonly #mirror: Mirror;
  readonly #atOnce: CustomerReader;
  #server: { readonly process: Process; readonly reader: CustomerReader } | null = null;
  #broken: { readonly error: unknown } | null = null;

  constructor(simulation: Simulation, shared: Shared, mirror: Mirror) {
    this.#simulation = simulation;
    this.#shared = shared;
    this.#mirror = mirror;
    const { catalog, clock } = portsOf(simulation, simulation.open('reader'), shared);
    const run = async (generation: number) => shared.catalog.runs.get(generation) ?? null;
    this.#atOnce = this.#reader({
      views: shared.plainViews,
      log: openMemoryLog(shared.topic),
      catalog: { ...catalog, run },
      clock,
    });
  }

  /** A read of one customer, with what the server shares between reads. */
  async readAtOnce(): Promise<void> {
    const customer = this.#simulation.random.pick(CUSTOMERS);
    await this.#read(this.#atOnce, [customer]);
  }

  /** A read whose calls have to wait for their turn. */
  async begin(): Promise<void> {
    const server = this.#server ?? this.#open();
    this.#server = server;
    await this.#simulation.enter(server.process, () => this.#read(server.reader, CUSTOMERS));
  }

  failIfBroken(): void {
    if (this.#broken) throw this.#broken.error;
  }

  #open() {
    const process = this.#simulation.open('serving');
    process.onEnd.add(() => {
      this.#server = null;
    });
    return { process, reader: this.#reader(portsOf(this.#simulation, process, this.#shared)) };
  }

  #reader({ views, log, catalog, clock }: Pick<ReturnType<typeof portsOf>, 'views' | 'log' | 'catalog' | 'clock'>) {
    const context = { definition: DEFINITION, views, log, catalog, clock, ticks: this.#simulation.time.ticks };
    return new CustomerReader(context, new Pins(context), new ProgressReader(context));
  }

  /** Reads the live generation, or one that is asked for by its number. */
  async #read(reader: CustomerReader, customers: readonly string[]): Promise<void> {
    const { random } = this.#simulation;
    const published = this.#shared.catalog.published().slice(0, ASKED_FOR);
    const generation = published.length > 0 && random.chance(0.4) ? random.pick(published).generation : undefined;
    try {
      this.#check(customers, await reader.read(customers, { layer: 'merged', generation }));
      if (generation !== undefined && generation !== published[0]?.generation)
        this.#simulation.note('reader: an older generation');
    } catch (error) {
      if (isUnanswered(error)) this.#simulation.note(`reader: ${error.code}`);
      else this.#broken ??= { error };
    }
  }

  #check(asked: readonly string[], { customers, provenance }: CustomersRead): void {
    const { cut, positions, as_of } = provenance;
    this.checked++;
    holdToLaw(this.#mirror, {
      cut: cut && cutOf(cut),
      positions: offsetsOf(positions),
      asOfMs: Date.parse(as_of),
      customers: asked.map((customerId, at) => {
        const view = customers[at] ?? null;
        const deltas = view?.deltas ?? [];
        return {
          customerId,
          view,
          deltas: deltas.map((delta) => ({ partition: delta.partition, lastOffset: BigInt(delta.last_offset) })),
        };
      }),
    });
  }
}

const offsetsOf = (byPartition: Readonly<Record<string, string>>): ReadonlyMap<number, bigint> =>
  new Map(Object.entries(byPartition).map(([partition, offset]) => [Number(partition), BigInt(offset)]));

const cutOf = ({ partitions, imports }: { partitions: Record<string, string>; imports: number }): Cut => ({
  partitions: offsetsOf(partitions),
  imports,
});

/** A store that can't be reached, or a generation that went away: the client is told, and asks again. */
const isUnanswered = (error: unknown): error is Error & { readonly code: unknown } =>
  error instanceof Error && 'code' in error && UNANSWERED.has(String(error.code));

const UNANSWERED: ReadonlySet<string> = new Set([
  'TIDEMARK_TEST_UNREACHABLE',
  'TIDEMARK_API_UNAVAILABLE',
  'TIDEMARK_API_AS_OF',
  'TIDEMARK_API_GENERATION_GONE',
  'TIDEMARK_API_UNKNOWN_GENERATION',
]);
