import { resumePublishing, rollback, runBatch } from '@tidemark/batch-layer';
import { TidemarkError } from '@tidemark/contracts';
import type { LogRecord } from '@tidemark/log';
import { MemoryTopic } from '@tidemark/log/testing';
import { Random } from '@tidemark/simulator';
import { openMemoryViews } from '@tidemark/views/testing';
import { importEvents } from '../import-events.ts';
import { Mirror } from '../mirror.ts';
import { RandomEvents } from '../random-events.ts';
import { quietLaw } from '../read-law.ts';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { type FaultKind, type Faults, without } from './faults.ts';
import { CatalogState } from './memory-catalog.ts';
import { MemoryDisk } from './memory-files.ts';
import { type Ports, portsOf, type Shared } from './ports.ts';
import { Readers } from './readers.ts';
import { viewsOnCassandra, viewsOnPostgres } from './simulated-views.ts';
import { type Process, Simulation } from './simulation.ts';
import { SpeedGroup } from './speed-group.ts';

/** A history: what its seed decides, and what was left out of it or cut off to make it smaller. */
export type Scenario = { readonly seed: number; readonly steps?: number; readonly without?: readonly FaultKind[] };

export type Outcome = {
  readonly trace: string;
  readonly moments: ReadonlyMap<string, number>;
  readonly reads: number;
  readonly failure: unknown;
};

const START_MS = Date.UTC(2026, 4, 1, 11, 59);
const STEPS = 900;
const SETTINGS = { barrierDistanceMs: 0, floorGraceMs: 30_000, generations: 2, mergeAtFiles: 3 };

/** Steps that quiet may take to come, once nothing goes wrong any more. */
const SETTLE_STEPS = 20_000;

/** What a process of the batch layer may end with when others are at work and things go wrong. */
const EXPECTED = new Set([
  'TIDEMARK_BATCH_NO_GENERATION',
  'TIDEMARK_BATCH_NOTHING_PUBLISHED',
  'TIDEMARK_POINTER_SUPERSEDED',
  'TIDEMARK_POINTER_BASE',
  // Two that run at once, one of them without the right to, take each other's merged files away.
  'TIDEMARK_LAKE_MISSING',
]);

/** Runs one history; its failure is the first thing that broke the law, or null. */
export async function runHistory(scenario: Scenario): Promise<Outcome> {
  const history = await History.open(scenario);
  const chance = Random.fromSeed(scenario.seed + 1);
  const uninstall = history.simulation.time.install(() => chance.unit());
  let failure: unknown = null;
  try {
    await history.run(scenario.steps ?? STEPS);
  } catch (error) {
    failure = error;
  } finally {
    uninstall();
  }
  const { trace, moments } = history.simulation;
  return { trace, moments, reads: history.reads, failure };
}

class History {
  readonly simulation: Simulation;
  readonly mirror = new Mirror(DEFINITION.currency);
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #shared: Shared;
  readonly #events: RandomEvents;
  readonly #group: SpeedGroup;
  readonly #readers: Readers;
  #jobs: Process[] = [];
  /** Something a reader may see has changed since the last read. */
  #isChanged = false;
  #made = 0;

  private constructor(scenario: Scenario, shared: (history: History) => Shared) {
    this.#random = Random.fromSeed(scenario.seed);
    this.#faults = without(scenario.without ?? []);
    this.simulation = new Simulation(this.#random, this.#faults, START_MS);
    this.#events = new RandomEvents(this.#random, CUSTOMERS);
    this.#shared = shared(this);
    this.#group = new SpeedGroup(this.simulation, this.#shared);
    this.simulation.onEffect = () => {
      this.#isChanged = true;
    };
    this.#readers = new Readers(this.simulation, this.#shared, this.mirror);
  }

  static async open(scenario: Scenario): Promise<History> {
    const onPostgres = await openMemoryViews();
    const views = await onPostgres.open(DEFINITION);
    return new History(scenario, (history) => ({
      definition: DEFINITION,
      topic: new MemoryTopic(history.#random.between(1, 3), { now: () => history.simulation.time.clock.now() }),
      disk: new MemoryDisk(),
      catalog: new CatalogState(),
      listedFrom: new Map(),
      ...(history.#random.chance(0.5)
        ? viewsOnCassandra(history.simulation, DEFINITION)
        : viewsOnPostgres(history.simulation, onPostgres, views)),
      onRecord: (record) => history.#recorded(record),
      onEntry: (path, content) => history.#entered(path, content),
    }));
  }

  get reads(): number {
    return this.#readers.checked;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      this.#failIfBroken();
      if (!this.#isChanged) continue;
      this.#isChanged = false;
      await this.#readers.readAtOnce();
    }
    await this.#settle();
    await quietLaw({ views: this.#shared.plainViews, clock: this.simulation.time.clock, mirror: this.mirror });
  }

  async #step(): Promise<void> {
    const { simulation } = this;
    const random = this.#random;
    const dice = random.unit();
    if (dice < 0.78) {
      await simulation.pass(random.between(0, 40));
      if (!(await simulation.step())) await simulation.pass(random.between(0, 2_000));
    } else if (dice < 0.86) await this.#produce();
    else if (dice < 0.89) await this.#group.change();
    else if (dice < 0.92) await this.#batchJob();
    else if (dice < 0.94) await this.#readers.begin();
    else if (dice < 0.96) await simulation.arrive();
    else if (dice < 0.98) await simulation.pass(random.between(0, 20_000));
    else await this.#upset();
  }

  async #produce(): Promise<void> {
    const { topic } = this.#shared;
    await this.simulation.start('producer', async (process) => {
      const { log } = portsOf(this.simulation, process, this.#shared);
      for (let left = this.#random.between(1, 4); left > 0; left--) {
        const { customer, bytes } = this.#events.next(this.simulation.time.clock.now());
        const elsewhere = this.#random.chance(0.1) ? { partition: this.#random.pick(topic.partitions) } : {};
        const record = { key: new TextEncoder().encode(customer), value: bytes, ...elsewhere };
        // Whoever hears nothing sends it again: a repeat, if it had arrived.
        await log.append([record]).catch(() => log.append([record]).catch(() => {}));
      }
    });
  }

  /** A run, most of all; a rollback, its end, or an import. */
  async #batchJob(): Promise<void> {
    this.#jobs = this.#jobs.filter(({ state }) => state === 'running' || state === 'stopped');
    if (this.#jobs.length >= 3) return;
    const dice = this.#random.unit();
    const name = `${++this.#made}`;
    if (dice < 0.6) await this.#job('run', (ports) => runBatch(this.#contextOf(ports), { full: dice < 0.06 }), name);
    else if (dice < 0.75) {
      if (this.#faults.rollbacks) await this.#job('rollback', (ports) => rollback(this.#contextOf(ports), null), name);
    } else if (dice < 0.85) await this.#job('resume', (ports) => resumePublishing(this.#contextOf(ports)), name);
    else if (this.#faults.imports) await this.#import(name);
  }

  async #import(name: string): Promise<void> {
    const nowMs = this.simulation.time.clock.now();
    const values = Array.from({ length: this.#random.between(1, 4) }, () => this.#events.next(nowMs).bytes);
    await this.#job('import', (ports) => importEvents(ports, DEFINITION, values, nowMs), name);
  }

  async #job(kind: string, work: (ports: Ports) => Promise<unknown>, _name: string): Promise<void> {
    const job = await this.simulation.start(kind, async (process) => {
      const outcome = await work(portsOf(this.simulation, process, this.#shared));
      const said = typeof outcome === 'object' && outcome !== null && 'status' in outcome ? outcome.status : 'done';
      this.simulation.note(`${kind} ended: ${said}`);
      if (said === 'rejected') throw new Error(`the gate refused a generation: ${JSON.stringify(outcome)}`);
    });
    this.#jobs.push(job);
  }

  #contextOf(ports: Ports) {
    return { ...ports, settings: SETTINGS, progress: () => {} };
  }

  /** Something from outside: the clock, the log's size, a process that stands still or wakes up, a lost lock. */
  async #upset(): Promise<void> {
    const { simulation } = this;
    const random = this.#random;
    const dice = random.unit();
    if (dice < 0.2) {
      if (this.#faults.jumps) simulation.time.jump(random.between(-3_600_000, 3_600_000));
    } else if (dice < 0.3) {
      const { topic } = this.#shared;
      if (this.#faults.growth && topic.partitions.length < 4) topic.grow(topic.partitions.length + 1);
    } else if (dice < 0.5) {
      if (this.#faults.lostLocks) this.#shared.catalog.runner = null;
    } else if (dice < 0.75) {
      const job = this.#jobs.find(({ state }) => state === 'running');
      if (this.#faults.stops && job) job.state = 'stopped';
    } else for (const job of this.#jobs.filter(({ state }) => state === 'stopped')) job.state = 'running';
  }

  /** A process must not end with an error that nothing explains. */
  #failIfBroken(): void {
    for (const job of this.#jobs) {
      if (job.state !== 'ended' || job.failure === null) continue;
      const { failure } = job;
      job.failure = null;
      if (failure instanceof TidemarkError) {
        this.simulation.note(`${job.name} failed: ${failure.code}`);
        if (failure.retryable || EXPECTED.has(failure.code)) continue;
      }
      throw failure;
    }
    this.#group.failIfBroken();
    this.#readers.failIfBroken();
  }

  /** Everything goes on until nothing is left to do, and a last generation covers it all. */
  async #settle(): Promise<void> {
    const { simulation } = this;
    simulation.calm();
    simulation.time.adjust();
    for (const job of this.#jobs) if (job.state === 'stopped') job.state = 'running';
    this.#group.wakeAll();
    while (simulation.hasLate) await simulation.arrive();
    await this.#idle();
    await simulation.pass(10_000);
    await this.#group.settle();
    await this.#idle();
    await this.#job('resume', (ports) => resumePublishing(this.#contextOf(ports)), 'last').catch(() => {});
    await this.#idle();
    // A run that was killed is resumed first; the one after it covers everything.
    for (let runs = 0; runs < 3; runs++) {
      await this.#job('run', (ports) => runBatch(this.#contextOf(ports)), 'last');
      await this.#idle();
    }
  }

  async #idle(): Promise<void> {
    for (let step = 0; step < SETTLE_STEPS; step++) {
      await this.simulation.pass(this.#random.between(0, 40));
      if (await this.simulation.step()) {
        this.#failIfBroken();
        continue;
      }
      const ms = this.simulation.time.untilNext;
      if (ms === null) return;
      await this.simulation.pass(ms);
    }
    throw new Error('quiet does not come');
  }

  #recorded(record: LogRecord): void {
    const { partition, offset, value } = record;
    if (Object.keys(record.headers).length > 0) this.mirror.sawBarrier(record);
    else this.mirror.appended(partition, offset, value ?? new Uint8Array());
  }

  #entered(path: string, content: Uint8Array): void {
    if (!path.startsWith('manifest/imports/')) return;
    const { number, file } = JSON.parse(new TextDecoder().decode(content));
    const events = file === null ? null : this.#shared.disk.get(file.path);
    this.mirror.imported(number, events?.kind === 'events' ? events.rows.map(({ value }) => value) : []);
  }
}
