import { openMemoryLog } from '@tidemark/log/testing';
import type { Definition } from '@tidemark/metrics';
import { CustomerReader, type CustomersRead, Pins, ProgressReader } from '@tidemark/serving-layer';
import type { Cut } from '@tidemark/views';
import type { Mirror } from '../mirror.ts';
import { holdToLaw } from '../read-law.ts';
import { CUSTOMERS } from '../world.ts';
import { type Definitions, hasDropped } from './definitions.ts';
import { type Ports, portsOf, type Shared } from './ports.ts';
import type { Process, Simulation } from './simulation.ts';

/** Of the newest generations, so many are asked for by number: some of them are below the floor. */
const ASKED_FOR = 3;

type Source = Pick<Ports, 'definition' | 'store' | 'views' | 'log' | 'catalog' | 'clock'>;
type Server = { readonly process: Process; readonly reader: CustomerReader };

/**
 * Readers of the serving layers, who ask for the definition that is served: one whose calls take their time among all others,
 * and one that is answered at once.
 */
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

  /** Whether an error is an answer that a reader may get. */
  mayAnswer(error: unknown, definition: Definition): boolean {
    this.#simulation.note(`reader: ${codeOf(error)}`);
    const isGone = codeOf(error) === 'TIDEMARK_VIEWS_GONE' && hasDropped(this.#simulation);
    if (isGone) this.#close(definition);
    return isGone || isUnanswered(error);
  }

  #openAtOnce(shared: Shared): CustomerReader {
    const { definition, plainStore, plainViews, topic } = shared;
    const { catalog, clock } = portsOf(this.#simulation, this.#simulation.open('reader'), shared);
    const run = async (generation: number) => shared.catalog.runs.get(generation) ?? null;
    const views = plainViews(definition);
    const log = openMemoryLog(topic);
    const reader = this.#reader({ definition, store: plainStore, views, log, catalog: { ...catalog, run }, clock });
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

  #reader({ definition, store, views, log, catalog, clock }: Source): CustomerReader {
    const serving = () => store.serving();
    const context = { definition, serving, views, log, catalog, clock, ticks: this.#simulation.time.ticks };
    return new CustomerReader(context, new Pins(context), new ProgressReader(context));
  }

  /** Reads the live generation, or one that is asked for by its number. */
  async #read({ catalog, definition }: Shared, reader: CustomerReader, customers: readonly string[]): Promise<void> {
    const { random } = this.#simulation;
    const published = catalog.published(definition.id).slice(0, ASKED_FOR);
    const generation = published.length > 0 && random.chance(0.4) ? random.pick(published).generation : undefined;
    try {
      this.#check(customers, await reader.read(customers, { layer: 'merged', generation }));
      if (generation !== undefined && generation !== published[0]?.generation)
        this.#simulation.note('reader: an older generation');
    } catch (error) {
      if (!this.mayAnswer(error, definition)) this.#broken ??= { error };
    }
  }

  /** The tables that its servers began with are gone for good: their next life opens those there are then. */
  #close(definition: Definition): void {
    this.#atOnce.delete(definition);
    const server = this.#servers.get(definition);
    if (server) this.#simulation.kill(server.process);
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

export const cutOf = ({ partitions, imports }: { partitions: Record<string, string>; imports: number }): Cut => ({
  partitions: offsetsOf(partitions),
  imports,
});

/** A store that can't be reached, or a generation that went away: the client is told, and asks again. */
const isUnanswered = (error: unknown): boolean => UNANSWERED.has(codeOf(error));

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

const UNANSWERED: ReadonlySet<string> = new Set([
  'TIDEMARK_TEST_UNREACHABLE',
  'TIDEMARK_API_UNAVAILABLE',
  'TIDEMARK_API_NOT_SERVED',
  'TIDEMARK_API_AS_OF',
  'TIDEMARK_API_GENERATION_GONE',
  'TIDEMARK_API_UNKNOWN_GENERATION',
]);
