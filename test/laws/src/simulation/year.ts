import type { LakeFile } from '@tidemark/lake';
import { MemoryTopic } from '@tidemark/log/testing';
import { Random } from '@tidemark/simulator';
import { openMemoryViews } from '@tidemark/views/testing';
import { Mirror } from '../mirror.ts';
import { RandomEvents } from '../random-events.ts';
import { quietLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { BatchJobs } from './batch-jobs.ts';
import { faultsOf } from './faults.ts';
import { newSystem } from './new-system.ts';
import type { Shared } from './ports.ts';
import { Readers } from './readers.ts';
import { viewsOnCassandra, viewsOnPostgres } from './simulated-views.ts';
import { Simulation } from './simulation.ts';
import { SpeedGroup } from './speed-group.ts';

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

export const MONTH_DAYS = 30;
const DAY_MS = 86_400_000;
export const PARTITIONS = 2;
export const EVENTS_A_DAY = 6;
const READS_A_DAY = 4;
const ALL = 100_000;

/**
 * A system in good weather: events come, answers are held to the law, runs are made, and now and then one dies or is gone back
 * from, or the speed layer stands still while several are published.
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

  private constructor(random: Random, simulation: Simulation, shared: (year: Year) => Shared) {
    this.#random = random;
    this.#simulation = simulation;
    this.#shared = shared(this);
    this.#events = new RandomEvents(random, CUSTOMERS);
    this.#group = new SpeedGroup(simulation, this.#shared);
    this.#jobs = new BatchJobs(simulation, this.#shared);
    this.#readers = new Readers(simulation, this.#shared, this.mirror);
  }

  static async open(seed: number, store: 'PostgreSQL' | 'Cassandra'): Promise<Year> {
    const random = Random.fromSeed(seed);
    const simulation = new Simulation(random, faultsOf(random, []), Date.UTC(2026, 0, 1));
    simulation.isCalm = true;
    const onPostgres = openMemoryViews();
    const views = await onPostgres.open(DEFINITION);
    const shared =
      store === 'Cassandra' ? viewsOnCassandra(simulation, DEFINITION) : viewsOnPostgres(simulation, onPostgres, views);
    const topic = new MemoryTopic(PARTITIONS, simulation.time.clock);
    return new Year(random, simulation, ({ mirror }) => newSystem(DEFINITION, topic, shared, mirror));
  }

  /** Puts the simulation's time in the place of the process's own; answers what puts that back. */
  install(): () => void {
    return this.#simulation.time.install(() => this.#random.unit());
  }

  /** A month, with a run every so many days. */
  async month(month: number, everyDays: number): Promise<void> {
    if (month === 0) await this.#group.settle();
    for (let day = month * MONTH_DAYS; day < (month + 1) * MONTH_DAYS; day++) {
      await this.#day(day);
      if (day % everyDays === 0) await this.#run();
      await this.#simulation.pass(DAY_MS);
    }
  }

  /** Every answer is the law's after one more run. */
  async isRight(): Promise<void> {
    this.#group.wakeAll();
    await this.#idle();
    await this.#run();
    await quietLaw({ views: this.#shared.plainViews, clock: this.#simulation.time.clock, mirror: this.mirror });
  }

  async sizes(): Promise<Sizes> {
    const { plainViews: views, disk, topic } = this.#shared;
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

  async #day(day: number): Promise<void> {
    const { topic, onRecord } = this.#shared;
    for (let count = 0; count < EVENTS_A_DAY; count++) {
      const { customer, bytes } = this.#events.next(this.#simulation.time.clock.now());
      const partition = this.#random.pick(topic.partitions);
      onRecord(topic.append({ key: new TextEncoder().encode(customer), value: bytes, partition }));
    }
    if (day % 10 === 3) this.#group.stopAll();
    if (day % 10 === 8) this.#group.wakeAll();
    await this.#idle();
    for (let reads = 0; reads < READS_A_DAY; reads++) await this.#readers.readAtOnce();
    if (day % 30 === 13) await this.#dies();
    if (day % 45 === 20) await this.#jobs.rollback();
    await this.#idle();
    if (day % 45 === 24) await this.#jobs.resume();
    await this.#idle();
  }

  async #run(): Promise<void> {
    await this.#jobs.run(false);
    await this.#idle();
  }

  /** A run that gets somewhere and no further. */
  async #dies(): Promise<void> {
    await this.#jobs.run(false);
    for (let steps = this.#random.between(1, 80); steps > 0; steps--) await this.#simulation.step();
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
