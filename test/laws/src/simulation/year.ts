import type { LakeFile } from '@tidemark/lake';
import { partitionOfKey } from '@tidemark/log';
import { MemoryTopic } from '@tidemark/log/testing';
import { Random } from '@tidemark/simulator';
import { Mirror } from '../mirror.ts';
import { RandomEvents } from '../random-events.ts';
import { quietLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { BatchJobs } from './batch-jobs.ts';
import { Definitions } from './definitions.ts';
import { faultsOf } from './faults.ts';
import { newSystem } from './new-system.ts';
import type { Shared } from './ports.ts';
import { Readers } from './readers.ts';
import { viewsOnCassandra, viewsOnPostgres } from './simulated-views.ts';
import { Simulation } from './simulation.ts';
import type { SpeedGroup } from './speed-group.ts';

/** How much there is of what is derived from events, of the log, and of the events themselves. */
export type Sizes = {
  readonly batchRows: number;
  readonly deltas: number;
  readonly markers: number;
  readonly snapshots: number;
  readonly rowFiles: number;
  readonly logRecords: number;
  /** Records in the lake as they came. */
  readonly rawRecords: number;
};

const MONTH_DAYS = 30;
const DAY_MS = 86_400_000;
const FIRST_PARTITIONS = 2;
const MAX_PARTITIONS = 6;
export const EVENTS_A_DAY = 6;
/** Generations that are kept: the live one and the one before. */
export const READABLE = 2;
const READS_AT_ONCE = 4;
const ALL = 100_000;

/** What may happen on a day beside events, reads and runs, and on how many days of a restless time it does. */
const CHANCES = {
  resends: 0.6,
  falls: 0.3,
  wakes: 0.3,
  grows: 0.03,
  dies: 0.05,
  rollback: 0.25,
  resume: 0.3,
} as const;

/** Calls of a port that a run makes, about. */
const CALLS_A_RUN = 120;

/**
 * A system that lives long: events come, answers are held to the law and runs are made. In restless times senders repeat what
 * they sent, runs die or are gone back from, the log gets another partition, and the speed layer stands still while several
 * generations are published.
 */
export class Year {
  readonly mirror = new Mirror(DEFINITION.currency);
  readonly #random: Random;
  readonly #simulation: Simulation;
  readonly #shared: Shared;
  readonly #events: RandomEvents;
  readonly #group: SpeedGroup;
  readonly #jobs: BatchJobs;
  readonly #readers: Readers;
  /** What was sent last, and how many records there ever were. */
  #sent: readonly { readonly customer: string; readonly bytes: Uint8Array }[] = [];
  #appended = 0;

  private constructor(random: Random, simulation: Simulation, shared: (year: Year) => Shared) {
    this.#random = random;
    this.#simulation = simulation;
    this.#shared = shared(this);
    this.#events = new RandomEvents(random, CUSTOMERS);
    const definitions = new Definitions(simulation, this.#shared, false);
    this.#group = definitions.first.group;
    this.#jobs = new BatchJobs(simulation, this.#shared, READABLE);
    this.#readers = new Readers(simulation, definitions, this.mirror);
  }

  static async open(seed: number, store: 'PostgreSQL' | 'Cassandra'): Promise<Year> {
    const random = Random.fromSeed(seed);
    const simulation = new Simulation(random, faultsOf(random, []), Date.UTC(2026, 0, 1));
    simulation.isCalm = true;
    const shared = await (store === 'Cassandra' ? viewsOnCassandra : viewsOnPostgres)(simulation, DEFINITION);
    const topic = new MemoryTopic(FIRST_PARTITIONS, simulation.time.clock);
    return new Year(random, simulation, ({ mirror }) => newSystem(DEFINITION, topic, shared, mirror));
  }

  /** Puts the simulation's time in the place of the process's own; answers what puts that back. */
  install(): () => void {
    return this.#simulation.time.install(() => this.#random.unit());
  }

  get appended(): number {
    return this.#appended;
  }

  get partitions(): number {
    return this.#shared.topic.partitions.length;
  }

  /** A month, with a run every so many days. At its end nothing happens for long enough that all is cleaned away. */
  async month(month: number, everyDays: number): Promise<void> {
    if (month === 0) await this.#group.settle();
    const restlessDays = MONTH_DAYS - 2 * everyDays - 2;
    for (let day = 0; day < MONTH_DAYS; day++) {
      if (day === restlessDays) await this.#settle();
      await this.#day(day < restlessDays);
      if (day % everyDays === 0) await this.#run();
      await this.#simulation.pass(DAY_MS);
    }
  }

  /** Every answer is the law's after one more run. */
  async isRight(): Promise<void> {
    await this.#run();
    await quietLaw({
      views: this.#shared.plainViews(DEFINITION),
      clock: this.#simulation.time.clock,
      mirror: this.mirror,
    });
  }

  async sizes(): Promise<Sizes> {
    const { plainViews, disk, topic } = this.#shared;
    const views = plainViews(DEFINITION);
    const { rows } = await views.versions({ after: null, limit: ALL });
    const markers = await Promise.all(topic.partitions.map((partition) => views.touchedBelow(partition, ALL, ALL)));
    const paths = disk.paths();
    const below = (folder: string) => paths.filter((path) => path.startsWith(`${folder}/`)).length;
    const bounds = [...topic.bounds().values()];
    return {
      batchRows: rows.reduce((sum, { generations }) => sum + generations.length, 0),
      deltas: (await views.scan(null, null, { after: null, limit: ALL })).rows.reduce(
        (sum, row) => sum + row.deltas.length,
        0,
      ),
      markers: markers.flat().length,
      snapshots: below('snapshots'),
      rowFiles: below('rows'),
      logRecords: bounds.reduce((sum, { start, end }) => sum + Number(end - start), 0),
      rawRecords: this.#landed().reduce((sum, { rows }) => sum + rows, 0),
    };
  }

  /** Files of events that are part of history: a run that died may leave others, which do not exist. */
  #landed(): readonly LakeFile[] {
    const { disk } = this.#shared;
    return disk.paths().flatMap((path) => {
      const entry = path.startsWith('manifest/events/') ? disk.get(path) : undefined;
      return entry?.kind === 'entry' ? (JSON.parse(new TextDecoder().decode(entry.bytes)).file ?? []) : [];
    });
  }

  async #day(isRestless: boolean): Promise<void> {
    if (isRestless && this.#happens('resends')) for (const event of this.#sent) this.#append(event);
    this.#sent = Array.from({ length: EVENTS_A_DAY }, () => this.#events.next(this.#simulation.time.clock.now()));
    for (const event of this.#sent) this.#append(event);
    await this.#idle();
    await this.#read();
    if (isRestless) await this.#upset();
    await this.#idle();
    await this.#read();
  }

  async #read(): Promise<void> {
    for (let reads = 0; reads < READS_AT_ONCE; reads++) await this.#readers.readAtOnce();
  }

  /** Mostly to the customer's own partition. */
  #append({ customer, bytes }: { readonly customer: string; readonly bytes: Uint8Array }): void {
    const { topic, onRecord } = this.#shared;
    const key = new TextEncoder().encode(customer);
    const own = partitionOfKey(key, topic.partitions.length);
    const partition = this.#random.chance(0.2) ? this.#random.pick(topic.partitions) : own;
    this.#appended++;
    onRecord(topic.append({ key, value: bytes, partition }));
  }

  #happens(what: keyof typeof CHANCES): boolean {
    return this.#random.chance(CHANCES[what]);
  }

  async #upset(): Promise<void> {
    const { topic } = this.#shared;
    if (this.#happens('falls')) this.#group.stopAll();
    if (this.#happens('wakes')) {
      if (this.#random.chance(0.5)) this.#group.wakeAll();
      else await this.#group.settle();
    }
    if (this.#happens('grows') && topic.partitions.length < MAX_PARTITIONS) {
      topic.grow(topic.partitions.length + 1);
      await this.#group.settle();
    }
    if (this.#happens('dies')) await this.#dies();
    await this.#idle();
    if (this.#happens('rollback')) await this.#jobs.rollback(this.#random.chance(0.7));
    await this.#idle();
    if (this.#happens('resume')) await this.#jobs.resume();
  }

  /** Everybody is awake, and what was gone back from is made up for. */
  async #settle(): Promise<void> {
    this.#group.wakeAll();
    await this.#idle();
    await this.#jobs.resume();
    await this.#idle();
  }

  async #run(): Promise<void> {
    await this.#jobs.run(false);
    await this.#idle();
  }

  /** A run that gets somewhere and no further, the sooner the likelier. */
  async #dies(): Promise<void> {
    await this.#jobs.run(false);
    const most = this.#random.between(1, CALLS_A_RUN);
    for (let steps = this.#random.between(1, most); steps > 0; steps--) await this.#simulation.step();
    this.#jobs.kill();
  }

  async #idle(): Promise<void> {
    await this.#simulation.untilIdle(() => {
      this.#jobs.failIfBroken();
      this.#group.failIfBroken();
      this.#readers.failIfBroken();
    });
  }
}
