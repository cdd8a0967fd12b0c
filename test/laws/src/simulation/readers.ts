import { openMemoryLog } from '@tidemark/log/testing';
import type { Definition } from '@tidemark/metrics';
import { CustomerReader, type CustomersRead, Pins, ProgressReader } from '@tidemark/serving-layer';
import type { Cut } from '@tidemark/views';
import type { Mirror } from '../mirror.ts';
import { holdToLaw } from '../read-law.ts';
import { CUSTOMERS } from '../world.ts';
import type { Definitions } from './definitions.ts';
import { type Ports, portsOf, type Shared } from './ports.ts';
import type { Process, Simulation } from './simulation.ts';

/** Of the newest generations, so many are asked for by number: some of them are below the floor. */
const ASKED_FOR = 3;

type Source = Pick<Ports, 'definition' | 'views' | 'log' | 'catalog' | 'clock'>;
type Server = { readonly process: Process; readonly reader: CustomerReader };

/** Readers of the serving layers, who ask for the definition that is served: one whose calls take their time among all others, and one that is answered at once. */
export class Readers {
  checked = 0;
  readonly #simulation: Simulation;
  readonly #definitions: Definitions;
  readonly #mirror: Mirror;
  readonly #atOnce = new Map<Definition, CustomerReader>();
  readonly #servers = new Map<Definition, Server>();
  #broken: { readonly error: unknown } | null = null;

  constructor(simulation: Simulation, definitions: Definitions, mirror: Mirror) {
    this.#simulation = simulation;
    this.#definitions = definitions;
    this.#mirror = mirror;
  }

  /** A read of one customer, with what the server shares between reads. */
  async readAtOnce(): Promise<void> {
    const customer = this.#simulation.random.pick(CUSTOMERS);
    const shared = await this.#definitions.forRead();
    const reader = this.#atOnce.get(shared.definition) ?? this.#openAtOnce(shared);
    await this.#read(shared, reader, [customer]);
  }

  /** A read whose calls have to wait for their turn. */
  async begin(): Promise<void> {
    const shared = await this.#definitions.forRead();
    const server = this.#servers.get(shared.definition) ?? this.#open(shared);
    await this.#simulation.enter(server.process, () => this.#read(shared, server.reader, CUSTOMERS));
  }

  failIfBroken(): void {
    if (this.#broken) throw this.#broken.error;
  }

  #openAtOnce(shared: Shared): CustomerReader {
    const { definition, plainViews, topic } = shared;
    const { catalog, clock } = portsOf(this.#simulation, this.#simulation.open('reader'), shared);
    const run = async (generation: number) => shared.catalog.runs.get(generation) ?? null;
    const views = plainViews(definition);
    const reader = this.#reader({ definition, views, log: openMemoryLog(topic), catalog: { ...catalog, run }, clock });
    this.#atOnce.set(definition, reader);
    return reader;
  }

  #open(shared: Shared): Server {
    const process = this.#simulation.open('serving');
    process.onEnd.add(() => this.#servers.delete(shared.definition));
    const server = { process, reader: this.#reader(portsOf(this.#simulation, process, shared)) };
    this.#servers.set(shared.definition, server);
    return server;
  }

  #reader({ definition, views, log, catalog, clock }: Source): CustomerReader {
    const context = { definition, views, log, catalog, clock, ticks: this.#simulation.time.ticks };
    return new CustomerReader(context, new Pins(context), new ProgressReader(context));
  }

  /** Reads the live generation, or one that is asked for by its number. */
  async #read({ catalog, definition }: Shared, reader: CustomerReader, customers: readonly string[]): Promise<void> {
    const { random } = this.#simulation;
    const published = catalog.published(definition.id).slice(0, ASKED_FOR);
    const generation = published.length > 0 && random.chance(0.4) ? random.pick(published).generation : undefined;
    try {
      const read = await reader.read(customers, { layer: 'merged', generation });
      if (read.provenance.generation === null && !(await this.#isServed(definition))) {
        this.#simulation.note('reader: not ready');
        return;
      }
      this.#check(customers, read);
      if (generation !== undefined && generation !== published[0]?.generation)
        this.#simulation.note('reader: an older generation');
    } catch (error) {
      if (isUnanswered(error) || (await this.#isGone(error, definition)))
        this.#simulation.note(`reader: ${codeOf(error)}`);
      else this.#broken ??= { error };
    }
  }

  /** The tables of a definition may be gone when another one is served. */
  async #isGone(error: unknown, definition: Definition): Promise<boolean> {
    return codeOf(error) === 'TIDEMARK_VIEWS_GONE' && !(await this.#isServed(definition));
  }

  /** Without, a server is not ready: filled anew, its definition has deltas alone, which look like the whole. */
  async #isServed(definition: Definition): Promise<boolean> {
    return (await this.#definitions.served()).shared.definition === definition;
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
const isUnanswered = (error: unknown): boolean => UNANSWERED.has(codeOf(error));

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

const UNANSWERED: ReadonlySet<string> = new Set([
  'TIDEMARK_TEST_UNREACHABLE',
  'TIDEMARK_API_UNAVAILABLE',
  'TIDEMARK_API_AS_OF',
  'TIDEMARK_API_GENERATION_GONE',
  'TIDEMARK_API_UNKNOWN_GENERATION',
]);
