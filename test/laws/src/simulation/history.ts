import { MemoryTopic } from '@tidemark/log/testing';
import { Random } from '@tidemark/simulator';
import { type Views, ViewsError } from '@tidemark/views';
import { Mirror } from '../mirror.ts';
import { RandomEvents } from '../random-events.ts';
import { quietLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { BatchJobs } from './batch-jobs.ts';
import { Definitions, type Deployed } from './definitions.ts';
import { Exports } from './exports.ts';
import { type FaultKind, type Faults, faultsOf } from './faults.ts';
import type { EventFile } from './file-imports.ts';
import { newSystem } from './new-system.ts';
import { isRemade, LAG_MS, portsOf, type Shared } from './ports.ts';
import { Readers } from './readers.ts';
import { type SharedViews, viewsOnCassandra, viewsOnPostgres } from './simulated-views.ts';
import { Simulation } from './simulation.ts';

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

/** One history in so many has a second definition, exports, imports by the command's steps, a lost log, orders that waver. */
const SWITCHING = 3;
const EXPORTING = 4;
const FILING = 5;
const LOSING = 10;
const WAVERING = 4;

const HAPPENINGS = ['produce', 'regroup', 'job', 'read', 'arrive', 'pass', 'upset'] as const;
type Happening = (typeof HAPPENINGS)[number] | 'redefine' | 'export';

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

type Beginning = ReturnType<typeof begin>;

/** What a seed decides before anything happens. */
function begin({ seed, steps, without = [] }: Scenario) {
  const random = Random.fromSeed(seed);
  // What comes first hardly differs from seed to seed, and decides what comes second.
  random.unit();
  const isLong = random.chance(LONG);
  const length = isLong ? LONG_STEPS : SHORT_STEPS;
  const faults = faultsOf(random, without);
  const switches = faults.switches && seed % SWITCHING === 0;
  const shareOf = (name: Happening) => (isLong && name === 'job' ? SHARES[3] : random.pick(SHARES));
  const exports = faults.exports && seed % EXPORTING === 1;
  const names: readonly Happening[] = [
    ...HAPPENINGS,
    ...(switches ? (['redefine'] as const) : []),
    ...(exports ? (['export'] as const) : []),
  ];
  const mix = names.flatMap((name) => Array.from({ length: shareOf(name) }, () => name));
  const simulation = new Simulation(random, faults, START_MS);
  if (isLong) simulation.setPace('batch', 5);
  const customers = CUSTOMERS.slice(0, random.between(1, CUSTOMERS.length));
  const events = new RandomEvents(random, customers, { wavers: seed % WAVERING === 0 });
  const topic = new MemoryTopic(random.between(1, 3), simulation.time.clock);
  const files = faults.files && seed % FILING === 1;
  const losesLog = faults.remade && seed % LOSING === 7;
  const shortened = Math.min(steps ?? length, length);
  return { random, faults, mix, steps: shortened, simulation, events, topic, switches, files, losesLog };
}

class History {
  readonly simulation: Simulation;
  readonly mirror: Mirror;
  /** As many as its seed decides, or as it was cut off at. */
  readonly steps: number;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #shared: Shared;
  readonly #events: RandomEvents;
  readonly #definitions: Definitions;
  readonly #jobs: BatchJobs;
  readonly #readers: Readers;
  readonly #exports: Exports;
  readonly #isFiling: boolean;
  readonly #losesLog: boolean;
  /** Files that were to be imported, whatever became of it. */
  readonly #files: EventFile[] = [];
  /** What happens beside the processes' own calls, as often as it is in here. */
  readonly #mix: readonly Happening[];
  /** Something a reader may see has changed since the last read. */
  #isChanged = false;

  private constructor(beginning: Beginning, views: SharedViews) {
    const { random, faults, mix, steps, simulation, events, topic, switches, files, losesLog } = beginning;
    this.#random = random;
    this.#faults = faults;
    this.#isFiling = files;
    this.#losesLog = losesLog;
    this.#mix = mix;
    this.steps = steps;
    this.simulation = simulation;
    this.simulation.onEffect = () => {
      this.#isChanged = true;
    };
    this.#events = events;
    this.mirror = new Mirror(DEFINITION.currency);
    this.#shared = newSystem(DEFINITION, topic, views, this.mirror);
    this.#definitions = new Definitions(simulation, this.#shared, switches);
    this.#jobs = new BatchJobs(simulation, this.#definitions.first.shared);
    this.#readers = new Readers(simulation, this.#definitions, this.mirror);
    this.#exports = new Exports(simulation, this.#definitions, this.#readers, this.mirror);
  }

  static async open(scenario: Scenario): Promise<History> {
    const beginning = begin(scenario);
    const viewsOn = beginning.random.chance(0.5) ? viewsOnCassandra : viewsOnPostgres;
    return new History(beginning, await viewsOn(beginning.simulation, DEFINITION));
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
        return this.#definitions.any().group.change();
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
      case 'redefine':
        return this.#definitions.change(this.#jobs);
      case 'export':
        return this.#exports.begin();
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
    const { shared } = await this.#definitions.forJob();
    const dice = random.unit();
    if (dice < 0.65) await this.#jobs.run(dice < 0.06, shared);
    else if (dice < 0.8) {
      if (this.#faults.rollbacks) await this.#jobs.rollback(random.chance(0.5), shared);
    } else if (dice < 0.88) await this.#jobs.resume(shared);
    else if (this.#faults.imports) await this.#import();
  }

  async #import(): Promise<void> {
    const random = this.#random;
    const again = this.#files.length > 0 && random.chance(0.4) ? random.pick(this.#files) : null;
    if (again) return this.#jobs.importFile(again);
    const nowMs = this.simulation.time.clock.now();
    const lines = Array.from({ length: random.between(1, 4) }, () => this.#events.next(nowMs).bytes);
    if (!this.#isFiling) return this.#jobs.import(lines);
    const file = { name: `file ${this.#files.length}`, lines };
    this.#files.push(file);
    await this.#jobs.importFile(file);
    // Two at once, of the same file or of others: whoever has the lock files first.
    if (random.chance(0.3)) await this.#jobs.importFile(random.pick(this.#files));
  }

  /** Something from outside: the clock, the log's size, a process that stands still or wakes up, a lost lock. */
  async #upset(): Promise<void> {
    const random = this.#random;
    if (this.#losesLog && random.chance(0.1)) return this.#remakeLog();
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
      if (stops) this.#definitions.any().group.stopAll();
    } else if (dice < 0.76) this.#definitions.any().group.wakeAll();
    else this.#jobs.wake();
  }

  /**
   * The log's topic is deleted, and made again under its name; those who send events go on with it. Before something of it is
   * folded and landed nobody could know.
   */
  async #remakeLog(): Promise<void> {
    const isFolded = (await this.#positions()).size > 0;
    const isLanded = this.#shared.disk.paths().some((path) => path.startsWith('manifest/events/'));
    if (isRemade(this.#shared) || !isFolded || !isLanded) return;
    this.simulation.note('log made anew');
    this.#shared.topic.remake('another log');
  }

  /** Nothing may end with an error that nothing explains, and no answer may break the law. */
  #failIfBroken(): void {
    this.#jobs.failIfBroken();
    for (const { group } of this.#definitions.all) group.failIfBroken();
    this.#readers.failIfBroken();
    this.#exports.failIfBroken();
  }

  /** Everything goes on until nothing is left to do, and of each definition that is kept up a last generation covers it all. */
  async #settle(): Promise<void> {
    const { simulation } = this;
    simulation.isCalm = true;
    simulation.time.adjust();
    this.#jobs.wake();
    for (const { group } of this.#definitions.all) group.wakeAll();
    while (simulation.hasLate) await simulation.arrive();
    await simulation.untilIdle(() => this.#failIfBroken());
    while (simulation.hasLate) await simulation.arrive();
    await simulation.pass(LAG_MS);
    if (this.#isFiling) await this.#settleFiles();
    if (isRemade(this.#shared)) return this.#settleRefused();
    const served = await this.#definitions.served();
    await this.#settleOne(served);
    for (const other of this.#definitions.all) if (other !== served && other.group.isUp) await this.#settleOne(other);
  }

  /** Of a log that is another one nothing is taken in, however often it is tried; what was there is answered as before. */
  async #settleRefused(): Promise<void> {
    const { firstLog } = this.#shared;
    for (let tries = 2; tries > 0; tries--) {
      await this.#definitions.first.group.settle();
      await this.#jobs.run(false);
      await this.simulation.untilIdle(() => this.#failIfBroken());
    }
    for (const { logId } of (await this.#positions()).values())
      if (logId !== firstLog) throw new Error('a partition was folded from a log that was made anew');
    for (const _ of CUSTOMERS) await this.#readers.readAtOnce();
    this.#failIfBroken();
  }

  /** How far the first definition is; where it was retired it has no tables. */
  async #positions(): Promise<Awaited<ReturnType<Views['positions']>>> {
    const { plainViews, definition } = this.#shared;
    try {
      return await plainViews(definition).positions();
    } catch (error) {
      if (error instanceof ViewsError && error.code === 'TIDEMARK_VIEWS_GONE') return new Map();
      throw error;
    }
  }

  /** Every file is imported again: what of it was filed is no news, and the catalog and the lake know of the same imports. */
  async #settleFiles(): Promise<void> {
    const { catalog } = this.#shared;
    for (const file of this.#files) {
      await this.#jobs.importFile(file);
      await this.simulation.untilIdle(() => this.#failIfBroken());
    }
    // Whom a listing that lags does not show the import before files its events again, which every run counts once.
    const repeated = this.#faults.lags ? [] : this.mirror.repeatedInImports();
    if (repeated.length > 0) throw new Error(`imported twice: ${repeated}`);
    const [known, filed] = [[...catalog.imports.keys()].sort((a, b) => a - b), this.mirror.importNumbers()];
    if (String(known) !== String(filed)) throw new Error(`the catalog knows imports ${known}, the lake ${filed}`);
    for (const { name, lines } of this.#files) {
      const missing = this.mirror.missingInImports(lines);
      if (missing.length > 0) throw new Error(`${name} was imported without ${missing}`);
    }
  }

  async #settleOne({ shared, group }: Deployed): Promise<void> {
    const { simulation } = this;
    await group.settle();
    await simulation.untilIdle(() => this.#failIfBroken());
    this.#jobs.endIdle();
    await this.#jobs.resume(shared);
    await simulation.untilIdle(() => this.#failIfBroken());
    // A run that was killed is resumed first; the one after it covers everything.
    const [newest] = shared.catalog.newestFirst(shared.definition.id);
    for (let runs = newest?.status === 'running' ? 2 : 1; runs > 0; runs--) {
      await this.#jobs.run(false, shared);
      await simulation.untilIdle(() => this.#failIfBroken());
    }
    const { definition, plainViews, topic } = shared;
    const { clock } = simulation.time;
    await quietLaw({
      views: plainViews(definition),
      clock,
      mirror: this.mirror,
      ...(shared.fills ? { inLog: topic.bounds() } : {}),
    });
  }
}
