import { openMemoryLog } from '@tidemark/log/testing';
import { CustomerReader, type CustomersRead, Pins, ProgressReader } from '@tidemark/serving-layer';
import type { Cut } from '@tidemark/views';
import type { Mirror } from '../mirror.ts';
import { holdToLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { portsOf, type Shared } from './ports.ts';
import type { Process, Simulation } from './simulation.ts';

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
    this.#atOnce = this.#reader({ views: shared.plainViews, log: openMemoryLog(shared.topic), catalog, clock });
  }

  /** A read of one customer, with what the server shares between reads. */
  async readAtOnce(): Promise<void> {
    const customer = this.#simulation.random.pick(CUSTOMERS);
    this.#check([customer], await this.#atOnce.read([customer], { layer: 'merged' }));
  }

  /** A read whose calls have to wait for their turn. */
  async begin(): Promise<void> {
    const server = this.#server ?? this.#open();
    this.#server = server;
    await this.#simulation.enter(server.process, async () => {
      try {
        this.#check(CUSTOMERS, await server.reader.read(CUSTOMERS, { layer: 'merged' }));
      } catch (error) {
        if (!isUnanswered(error)) this.#broken ??= { error };
      }
    });
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
const isUnanswered = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['TIDEMARK_TEST_UNREACHABLE', 'TIDEMARK_API_UNAVAILABLE', 'TIDEMARK_API_AS_OF'].includes(String(error.code));
