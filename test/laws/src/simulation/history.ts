import { MemoryTopic } from '@tidemark/log/testing';
import { Random } from '@tidemark/simulator';
import { openMemoryViews } from '@tidemark/views/testing';
import { Mirror } from '../mirror.ts';
import { RandomEvents } from '../random-events.ts';
import { quietLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { BatchJobs } from './batch-jobs.ts';
import { type FaultKind, type Faults, faultsOf } from './faults.ts';
import { newSystem } from './new-system.ts';
import { LAG_MS, portsOf, type Shared } from './ports.ts';
import { Readers } from './readers.ts';
import { viewsOnCassandra, viewsOnPostgres } from './simulated-views.ts';
import { Simulation } from './simulation.ts';
import { SpeedGroup } from './speed-group.ts';

/** A history: what its seed decides, and what was left out of it or cut off to make it smaller. */
export type Scenario = { readonly seed: number; readonly steps?: number; readonly without?: readonly FaultKind[] };

export type Outcome = {
  /** How many there were. */
  readonly steps: number;
  readonly trace: string;
  readonly moments: ReadonlyMap<string, number>;
  readonly reads: number;
  /** The first thing that broke the law, or null. */
  readonly failure: unknown;
};

const START_MS = Date.UTC(2026, 4, 1, 11, 59);
/** Most histories are short, for there are many ways to begin. In long ones generations follow each other until they are deleted. */
const SHORT_STEPS = 250;
const LONG_STEPS = 1_200;
const LONG = 0.25;
const HOUR_MS = 3_600_000;
const MAX_PARTITIONS = 4;

const HAPPENINGS = ['produce', 'regroup', 'job', 'read', 'arrive', 'pass', 'upset'] as const;
type Happening = (typeof HAPPENINGS)[number];

/** No two histories have the same mix: what is rare in one is common in another. */
const SHARES = [1, 2, 4, 8] as const;

export async function runHistory(scenario: Scenario): Promise<Outcome> {
  const history = await History.open(scenario);
  const chance = Random.fromSeed(scenario.seed + 1);
  const uninstall = history.simulation.time.install(() => chance.unit());
  let failure: unknown = null;
  try {
    await history.run();
  } catch (error) {
    failure = error ?? new Error('nothing was thrown');
  } finally {
    uninstall();
  }
  const { trace, moments } = history.simulation;
  return { steps: history.steps, trace, moments, reads: history.reads, failure };
}

class History {
  readonly simulation: Simulation;
  readonly mirror = new Mirror(DEFINITION.currency);
  /** As many as its seed decides, or as it was cut off at. */
  readonly steps: number;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #shared: Shared;
  readonly #events: RandomEvents;
  readonly #group: SpeedGroup;
  readonly #jobs: BatchJobs;
  readonly #readers: Readers;
  /** What happens beside the processes' own calls, as often as it is in here. */
  readonly #mix: readonly Happening[];
  /** Something a reader may see has changed since the last read. */
  #isChanged = false;

  private constructor({ seed, steps, without = [] }: Scenario, shared: (history: History) => Shared) {
    this.#random = Random.fromSeed(seed);
    // What comes first hardly differs from seed to seed, and decides what comes second.
    this.#random.unit();
    const isLong = this.#random.chance(LONG);
    const length = isLong ? LONG_STEPS : SHORT_STEPS;
    this.steps = Math.min(steps ?? length, length);
    this.#faults = faultsOf(this.#random, without);
    const shareOf = (name: Happening) => (isLong && name === 'job' ? SHARES[3] : this.#random.pick(SHARES));
    this.#mix = HAPPENINGS.flatMap((name) => Array.from({ length: shareOf(name) }, () => name));
    this.simulation = new Simulation(this.#random, this.#faults, START_MS);
    if (isLong) this.simulation.setPace('batch', 5);
    this.simulation.onEffect = () => {
      this.#isChanged = true;
    };
    this.#events = new RandomEvents(this.#random, CUSTOMERS.slice(0, this.#random.between(1, CUSTOMERS.length)));
    this.#shared = shared(this);
    this.#group = new SpeedGroup(this.simulation, this.#shared);
    this.#jobs = new BatchJobs(this.simulation, this.#shared);
    this.#readers = new Readers(this.simulation, this.#shared, this.mirror);
  }

  static async open(scenario: Scenario): Promise<History> {
    const onPostgres = openMemoryViews();
    const views = await onPostgres.open(DEFINITION);
    return new History(scenario, (history) => {
      const { simulation } = history;
      const topic = new MemoryTopic(history.#random.between(1, 3), simulation.time.clock);
      const shared = history.#random.chance(0.5)
        ? viewsOnCassandra(simulation, DEFINITION)
        : viewsOnPostgres(simulation, onPostgres, views);
      return newSystem(DEFINITION, topic, shared, history.mirror);
    });
  }

  get reads(): number {
    return this.#readers.checked;
  }

  async run(): Promise<void> {
    for (let step = 0; step < this.steps; step++) {
      await this.#step();
      this.#failIfBroken();
      if (!this.#isChanged || this.#random.chance(0.6)) continue;
      this.#isChanged = false;
      await this.#readers.readAtOnce();
    }
    await this.#settle();
    await quietLaw({ views: this.#shared.plainViews, clock: this.simulation.time.clock, mirror: this.mirror });
  }

  async #step(): Promise<void> {
    const { simulation } = this;
    const random = this.#random;
    if (random.chance(0.8)) {
      await simulation.pass(random.between(0, 80));
      if (!(await simulation.step())) await simulation.pass(random.between(0, 2_000));
      return;
    }
    switch (random.pick(this.#mix)) {
      case 'produce':
        return this.#produce();
      case 'regroup':
        return this.#group.change();
      case 'job':
        return this.#beginJob();
      case 'read':
        return this.#readers.begin();
      case 'arrive':
        return simulation.arrive();
      case 'pass':
        return simulation.pass(random.between(0, 40_000));
      case 'upset':
        return this.#upset();
    }
  }

  /** Somebody sends a few events. */
  async #produce(): Promise<void> {
    const random = this.#random;
    await this.simulation.start('producer', async (process) => {
      const { log } = portsOf(this.simulation, process, this.#shared);
      for (let left = random.between(1, 4); left > 0; left--) {
        const { customer, bytes } = this.#events.next(this.simulation.time.clock.now());
        const elsewhere = random.chance(0.1) ? { partition: random.pick(this.#shared.topic.partitions) } : {};
        const record = { key: new TextEncoder().encode(customer), value: bytes, ...elsewhere };
        // Whoever hears nothing sends it again: a repeat, if it had arrived.
        await log.append([record]).catch(() => log.append([record]).catch(() => {}));
      }
    });
  }

  async #beginJob(): Promise<void> {
    if (!this.#jobs.hasRoom) return;
    const random = this.#random;
    const dice = random.unit();
    if (dice < 0.65) await this.#jobs.run(dice < 0.06);
    else if (dice < 0.8) {
      if (this.#faults.rollbacks) await this.#jobs.rollback(random.chance(0.5));
    } else if (dice < 0.88) await this.#jobs.resume();
    else if (this.#faults.imports) {
      const nowMs = this.simulation.time.clock.now();
      await this.#jobs.import(Array.from({ length: random.between(1, 4) }, () => this.#events.next(nowMs).bytes));
    }
  }

  /** Something from outside: the clock, the log's size, a process that stands still or wakes up, a lost lock. */
  #upset(): void {
    const random = this.#random;
    const { jumps, growth, stops, lostLocks } = this.#faults;
    const dice = random.unit();
    if (dice < 0.2) {
      if (jumps) this.simulation.time.jump(random.between(-HOUR_MS, HOUR_MS));
    } else if (dice < 0.35) {
      const { topic } = this.#shared;
      if (growth && topic.partitions.length < MAX_PARTITIONS) topic.grow(topic.partitions.length + 1);
    } else if (dice < 0.5) {
      if (lostLocks) this.#jobs.loseLock();
    } else if (dice < 0.65) {
      if (stops) this.#jobs.stop(random.chance(0.7));
    } else if (dice < 0.72) {
      if (stops) this.#group.stopAll();
    } else if (dice < 0.76) this.#group.wakeAll();
    else this.#jobs.wake();
  }

  /** Nothing may end with an error that nothing explains, and no answer may break the law. */
  #failIfBroken(): void {
    this.#jobs.failIfBroken();
    this.#group.failIfBroken();
    this.#readers.failIfBroken();
  }

  /** Everything goes on until nothing is left to do, and a last generation covers it all. */
  async #settle(): Promise<void> {
    const { simulation } = this;
    simulation.isCalm = true;
    simulation.time.adjust();
    this.#jobs.wake();
    this.#group.wakeAll();
    while (simulation.hasLate) await simulation.arrive();
    await simulation.untilIdle(() => this.#failIfBroken());
    while (simulation.hasLate) await simulation.arrive();
    await simulation.pass(LAG_MS);
    await this.#group.settle();
    await simulation.untilIdle(() => this.#failIfBroken());
    await this.#jobs.resume();
    await simulation.untilIdle(() => this.#failIfBroken());
    // A run that was killed is resumed first; the one after it covers everything.
    const [newest] = this.#shared.catalog.newestFirst(undefined);
    for (let runs = newest?.status === 'running' ? 2 : 1; runs > 0; runs--) {
      await this.#jobs.run(false);
      await simulation.untilIdle(() => this.#failIfBroken());
    }
  }
}
