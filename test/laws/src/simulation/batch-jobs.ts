import { type BatchContext, type BatchSettings, resumePublishing, rollback, runBatch } from '@tidemark/batch-layer';
import { TidemarkError } from '@tidemark/contracts';
import { goBack, switchDefinition } from '@tidemark/tidemark/definitions';
import { importEvents } from '../import-events.ts';
import { hasDropped } from './definitions.ts';
import { type EventFile, importFile } from './file-imports.ts';
import { isRemade, type Ports, portsOf, type Shared } from './ports.ts';
import type { Process, Simulation } from './simulation.ts';
import { REMADE } from './speed-group.ts';
import { heldToLevel } from './switches.ts';

/** How many generations a history keeps, two at least: the fewer, the sooner something is deleted. */
const KEPT = [2, 2, 3] as const;

/** How long the definition switched from can be gone back to; also less than a reader holds a pointer without another look. */
const KEEP_MS = [1_000, 12_000, 30_000] as const;

/** A switch waits by a timer that is not the simulation's: it is refused at once, even when the clock has jumped back. */
const AT_ONCE = Number.NEGATIVE_INFINITY;

/** Jobs at once, at most: more only wait for each other. */
const MAX_JOBS = 3;

/** What a job may end with when others are at work and things go wrong. */
const EXPECTED = new Set([
  'TIDEMARK_BATCH_NO_GENERATION',
  'TIDEMARK_BATCH_NOTHING_PUBLISHED',
  'TIDEMARK_POINTER_SUPERSEDED',
  'TIDEMARK_POINTER_BASE',
  'TIDEMARK_SERVING_NO_WAY_BACK',
]);

/** And with where two have run at once, one of them without the right to. */
const OF_TWO = new Set([
  // They take each other's merged files away.
  'TIDEMARK_LAKE_MISSING',
  // Both publish the run that they go on with, with a rollback in between: what was recorded first stands.
  'TIDEMARK_CATALOG_CONFLICT',
]);

/** And with where the definition was retired meanwhile: its tables are gone, and the snapshots of its generations. */
const OF_DROPPED = new Set(['TIDEMARK_VIEWS_GONE', 'TIDEMARK_ENGINE_FAILED']);

/** What a run may end with besides when it has lost its right: others have landed what it was to land, and the log forgot it. */
const OVERTAKEN = new Set(['TIDEMARK_LOG_GAP', 'TIDEMARK_BATCH_GAP']);

/** A process that does one job after the other. */
type Host = { readonly process: Process; readonly shared: Shared; ports: Ports; job: Job | null };
type Job = { readonly kind: string; failure: { readonly error: unknown } | null; isOver: boolean };

/**
 * The processes of the batch layer and of those who import: each does a job at a time, in a process of its own or in one that
 * has done others before. Any of them may die, or stand still and lose its right to run to another.
 */
export class BatchJobs {
  readonly #simulation: Simulation;
  readonly #shared: Shared;
  readonly #settings: BatchSettings;
  #hosts: Host[] = [];
  /** Processes that have lost the right to run. */
  readonly #overtaken = new Set<Process>();

  constructor(simulation: Simulation, shared: Shared, generations: number = simulation.random.pick(KEPT)) {
    this.#simulation = simulation;
    this.#shared = shared;
    this.#settings = { barrierDistanceMs: 0, floorGraceMs: 30_000, generations, mergeAtFiles: 3 };
  }

  get hasRoom(): boolean {
    return this.#hosts.filter(({ job }) => job).length < MAX_JOBS;
  }

  /** Begins a run; mostly when nobody has the right to: the others end at once. */
  async run(full: boolean, shared: Shared = this.#shared): Promise<void> {
    if (this.#shared.catalog.runner !== null && this.#simulation.random.chance(0.9)) return;
    await this.#begin('run', shared, (ports) => runBatch(this.#contextOf(ports), { full }));
  }

  /** Goes back to the generation before, or to any. `resumes`: what was wrong is put right at once, and publishing goes on. */
  async rollback(resumes: boolean, shared: Shared = this.#shared): Promise<void> {
    const { random } = this.#simulation;
    const published = shared.catalog.published(shared.definition.id);
    if (published.length < 2) return;
    const target = random.chance(0.3) ? random.pick(published.slice(0, 3)).generation : null;
    await this.#begin('rollback', shared, async (ports) => {
      const context = this.#contextOf(ports);
      await rollback(context, target);
      if (resumes) await resumePublishing(context);
    });
  }

  async resume(shared: Shared = this.#shared): Promise<void> {
    await this.#begin('resume', shared, (ports) => resumePublishing(this.#contextOf(ports)));
  }

  async import(values: readonly Uint8Array[]): Promise<void> {
    const atMs = this.#simulation.time.clock.now();
    await this.#begin('import', this.#shared, (ports) => importEvents(ports, this.#shared.definition, values, atMs));
  }

  /** Imports a file by the command's own steps; one that was imported whole before is no news. */
  async importFile(file: EventFile): Promise<void> {
    await this.#begin('file import', this.#shared, (ports) => importFile(ports, this.#shared.disk, file));
  }

  /** Serves the other definition once it is ready; one that is not is refused at once. */
  async switchTo(target: string): Promise<void> {
    const keepMs = this.#simulation.random.pick(KEEP_MS);
    const times = { nowMs: this.#simulation.time.clock.now, keepMs, waitMs: AT_ONCE };
    await this.#operate('switch', (store) => switchDefinition(store, target, times));
  }

  async goBack(): Promise<void> {
    const times = { nowMs: this.#simulation.time.clock.now, keepMs: 0, waitMs: AT_ONCE };
    await this.#operate('back', (store) => goBack(store, times));
  }

  /** A process stands still; what it held may be given to others, as if it were dead. */
  stop(loses: boolean): void {
    const process = this.#anyBusy();
    if (process === null) return;
    process.state = 'stopped';
    if (loses) this.loseLock(process);
  }

  /** A process dies in the middle of its work. */
  kill(): void {
    const process = this.#anyBusy();
    if (process !== null) this.#simulation.kill(process);
  }

  /** The right to run is lost, and its holder goes on. */
  loseLock(holder: Process | null = this.#shared.catalog.runner): void {
    const { catalog } = this.#shared;
    if (holder === null || catalog.runner !== holder) return;
    catalog.runner = null;
    this.#overtaken.add(holder);
  }

  wake(): void {
    for (const { process } of this.#hosts) if (process.state === 'stopped') process.state = 'running';
  }

  /** Processes that have nothing to do end: the next job is done by one that begins with what there is. */
  endIdle(): void {
    for (const { process, job } of this.#hosts) if (job === null) process.state = 'ended';
  }

  failIfBroken(): void {
    this.#hosts = this.#hosts.filter(({ process }) => process.state === 'running' || process.state === 'stopped');
    for (const host of this.#hosts) {
      const { job } = host;
      if (!job?.isOver) continue;
      host.job = null;
      if (host.process.name === 'operator') host.process.state = 'ended';
      if (job.failure === null) continue;
      const { error } = job.failure;
      if (!(error instanceof TidemarkError)) throw error;
      this.#simulation.note(`${job.kind} failed: ${error.code}`);
      // The tables that it began with are gone for good: its next life opens those there are then.
      if (error.code === 'TIDEMARK_VIEWS_GONE') host.process.state = 'ended';
      if (!error.retryable && !this.#isExpected(host, error)) throw error;
    }
  }

  #isExpected({ process }: Host, { code }: TidemarkError): boolean {
    if (EXPECTED.has(code) || (OF_DROPPED.has(code) && hasDropped(this.#simulation))) return true;
    if (REMADE.has(code) && isRemade(this.#shared)) return true;
    return OVERTAKEN.has(code) ? this.#overtaken.has(process) : OF_TWO.has(code) && this.#overtaken.size > 0;
  }

  #anyBusy(): Process | null {
    const busy = this.#hosts.filter(({ process, job }) => job && process.state === 'running');
    return busy.length === 0 ? null : this.#simulation.random.pick(busy).process;
  }

  /** Somebody at a terminal, in a process of its own. */
  async #operate(kind: string, work: Parameters<typeof heldToLevel>[1]): Promise<void> {
    await this.#work(this.#open('operator', this.#shared), kind, ({ store }) => heldToLevel(store, work));
  }

  async #begin(kind: string, shared: Shared, work: (ports: Ports) => Promise<unknown>): Promise<void> {
    const idle = this.#hosts.find(
      ({ process, job, ...host }) =>
        job === null && process.state === 'running' && process.name === 'batch' && host.shared === shared,
    );
    if (idle && this.#simulation.random.chance(0.6)) return this.#work(idle, kind, work);
    const host = this.#open('batch', shared);
    await this.#work(host, kind, async ({ store }) => {
      if (shared.fills) host.ports = { ...host.ports, views: await store.open(shared.definition) };
      return work(host.ports);
    });
  }

  async #work(host: Host, kind: string, work: (ports: Ports) => Promise<unknown>): Promise<void> {
    const simulation = this.#simulation;
    const job: Job = { kind, failure: null, isOver: false };
    host.job = job;
    await simulation.enter(host.process, async () => {
      try {
        const outcome = await work(host.ports);
        const said = typeof outcome === 'object' && outcome !== null && 'status' in outcome ? outcome : null;
        simulation.note(`${kind} ended: ${said?.status ?? 'done'}`);
        if (said?.status === 'rejected' && !this.#isOvertaken(said, host))
          throw new Error(`the gate refused a generation: ${JSON.stringify(said)}`);
      } catch (error) {
        job.failure = { error };
      }
      job.isOver = true;
    });
  }

  /** A run that lost its right to a later one may have less than what is live by now: the gate is right to refuse it. */
  #isOvertaken(outcome: object, { process, shared }: Host): boolean {
    const [newest] = shared.catalog.newestFirst(shared.definition.id);
    const isLater = newest !== undefined && 'generation' in outcome && newest.generation > Number(outcome.generation);
    return isLater && this.#overtaken.has(process);
  }

  #open(name: string, shared: Shared): Host {
    const process = this.#simulation.open(name);
    const host = { process, shared, ports: portsOf(this.#simulation, process, shared), job: null };
    this.#hosts.push(host);
    return host;
  }

  #contextOf(ports: Ports): BatchContext {
    return { ...ports, settings: this.#settings, progress: () => {} };
  }
}
