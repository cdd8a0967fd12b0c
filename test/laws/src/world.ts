import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchContext,
  listGenerations,
  type Progress,
  type RunOutcome,
  resumePublishing,
  rollback,
  runBatch,
} from '@tidemark/batch-layer';
import { type Catalog, openCatalog } from '@tidemark/catalog';
import { TidemarkError } from '@tidemark/contracts';
import type { Session } from '@tidemark/duckdb';
import type { Engine } from '@tidemark/engine';
import { Lake } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { barrierRecord, type EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { type ManualClock, manualClock, retry } from '@tidemark/runtime';
import type { Random } from '@tidemark/simulator';
import type { ViewStore, Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { importEvents } from './import-events.ts';
import { Mirror } from './mirror.ts';
import { RandomEvents } from './random-events.ts';
import { SpeedWorkers } from './speed-workers.ts';

/** Histories are forgotten at once: in memory, where there is such a folder, their files cost no disk. */
export const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export const DEFINITION = define('USD');
export const CUSTOMERS = ['c-1', 'c-2', 'c-ü', '017850'] as const;

/** A process that was killed: what it was doing stays half done. */
export class Killed extends TidemarkError {
  constructor() {
    super('TIDEMARK_TEST_KILLED', 'killed here', { retryable: true });
  }
}

/** Where a world keeps its things, as the settings of the product name it; nothing is there before. */
export type WorldUrls = { readonly logUrl: string; readonly viewsUrl: string; readonly catalogUrl: string };

/** Everything in one database, as embedded systems have it. */
export const onPostgres = (url: string): WorldUrls => ({ logUrl: url, viewsUrl: url, catalogUrl: url });

/**
 * One system on real stores, its layers driven step by step: what a scheduler, a crash or a slow network would
 * decide, chance decides.
 */
export class World {
  readonly random: Random;
  readonly clock: ManualClock = manualClock(Date.UTC(2026, 4, 1, 11, 59));
  readonly mirror: Mirror;
  readonly workers: SpeedWorkers;
  readonly log: EventLog;
  readonly views: Views;
  readonly lake: Lake;
  readonly catalog: Catalog;
  readonly engine: Engine;
  /** Where the lake is, as commands are told. */
  readonly lakeFolder: string;
  readonly #events: RandomEvents;
  /** What runs are given. */
  readonly context: BatchContext;
  readonly #session: Session;
  readonly #closers: (() => Promise<void> | void)[];
  /** Rows a killed run had sent and that have not arrived yet. */
  readonly #late: (() => Promise<void>)[] = [];
  /** Generations that were published wrong, and gone back from. */
  readonly wrong = new Set<number>();
  #killAtProgress: number | null = null;
  #holdWrites = false;

  private constructor(
    random: Random,
    log: EventLog,
    store: ViewStore,
    views: Views,
    lake: Lake,
    catalog: Catalog,
    engine: Engine,
    session: Session,
    lakeFolder: string,
    closers: (() => Promise<void> | void)[],
  ) {
    this.random = random;
    this.log = log;
    this.views = views;
    this.lake = lake;
    this.catalog = catalog;
    this.engine = engine;
    this.lakeFolder = lakeFolder;
    this.#session = session;
    this.#closers = closers;
    this.#events = new RandomEvents(random, CUSTOMERS);
    this.mirror = new Mirror(DEFINITION.currency);
    this.workers = new SpeedWorkers(random, log, views, DEFINITION);
    this.context = {
      definition: DEFINITION,
      log,
      store,
      views: this.#slowed(views),
      lake,
      engine,
      catalog,
      clock: this.clock,
      settings: { barrierDistanceMs: 0, floorGraceMs: 30_000, generations: 2, mergeAtFiles: 3 },
      progress: (progress) => this.#onProgress(progress),
    };
  }

  static async open(random: Random, urls: WorldUrls, engine: Engine, session: Session): Promise<World> {
    const folder = await mkdtemp(join(scratch, 'tidemark-laws-'));
    const log = patient(await openLog(urls.logUrl, { partitions: random.between(1, 3) }));
    const store = patient(await openViews(urls.viewsUrl));
    const catalog = await openCatalog(urls.catalogUrl);
    const lakeFolder = join(folder, 'lake');
    const lake = new Lake(await openStorage(lakeFolder), session);
    const closers = [
      () => log.close(),
      () => store.close(),
      () => catalog.close(),
      () => rm(folder, { recursive: true }),
    ];
    return new World(
      random,
      log,
      store,
      patient(await store.open(DEFINITION)),
      lake,
      catalog,
      engine,
      session,
      lakeFolder,
      closers,
    );
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  /** Appends a few records: keyed, or now and then where another client would put them. */
  async append(): Promise<void> {
    const partitions = await this.log.partitions();
    for (let left = this.random.between(1, 6); left > 0; left--) {
      this.clock.advance(this.random.between(0, 3_000));
      const { customer, bytes } = this.#events.next(this.clock.now());
      const elsewhere = this.random.chance(0.1) ? { partition: this.random.pick(partitions) } : {};
      const [place] = await this.log.append([{ key: new TextEncoder().encode(customer), value: bytes, ...elsewhere }]);
      if (place) this.mirror.appended(place.partition, place.offset, bytes);
    }
  }

  /** Appends one event as it is given, where its key belongs or in the partition named. */
  async send(
    customer: string,
    event: Record<string, unknown>,
    to: { readonly partition?: number } = {},
  ): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(event));
    const [place] = await this.log.append([{ key: new TextEncoder().encode(customer), value: bytes, ...to }]);
    if (place) this.mirror.appended(place.partition, place.offset, bytes);
  }

  /** A batch run in which the SQL of one column says something else. */
  async runBroken(column: string, sql: string): Promise<RunOutcome> {
    const engine: Engine = {
      ...bound(this.engine),
      recompute: async (request, onProgress) => {
        const result = await this.engine.recompute(request, onProgress);
        const broken = `${request.snapshot}.broken`;
        const read = `SELECT * REPLACE ((${sql})::BIGINT AS ${column}) FROM read_parquet('${request.snapshot}')`;
        await this.#session.connection.run(`COPY (${read}) TO '${broken}' (FORMAT parquet)`);
        await rename(broken, request.snapshot);
        return result;
      },
    };
    const outcome = await runBatch({ ...this.context, engine });
    await this.readBarriers();
    return outcome;
  }

  /** A generation that is wrong is published, found out and gone back from; nobody may read its rows afterwards. */
  async wrongGeneration(): Promise<void> {
    const pointer = await this.views.pointer();
    if (!pointer || pointer.publishing === 'paused') return;
    const outcome = await this.runBroken('order_count', 'order_count + 1');
    this.wrong.add(outcome.generation);
    if (outcome.status === 'published') await rollback(this.context, pointer.generation);
    else await this.catalog.updateRun(outcome.generation, { status: 'failed' });
    await this.resume();
  }

  /** A batch run that may be killed at any of its steps, and rows of which may arrive long after. */
  async run(): Promise<void> {
    if (this.random.chance(0.35)) {
      this.#killAtProgress = this.random.between(1, 14);
      this.#holdWrites = this.random.chance(0.3);
    }
    const [newest] = await this.catalog.runs({ limit: 1 });
    if (newest?.status === 'running' && this.random.chance(0.4))
      await this.catalog.updateRun(newest.generation, { status: 'failed' });
    try {
      await runBatch(this.context, { full: this.random.chance(0.1) });
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    } finally {
      this.#killAtProgress = null;
      this.#holdWrites = false;
      await this.readBarriers();
    }
  }

  /** A run that died between its barriers: its number is used, its barrier stands in some partitions only. */
  async halfBarrier(): Promise<void> {
    const atMs = this.clock.now();
    const partitions = await this.log.partitions();
    const run = await this.catalog.beginRun({
      definition: DEFINITION.id,
      partitions,
      atMs,
      above: await this.lake.highestGeneration(),
      lastImport: async () => (await this.lake.imports()).length,
    });
    const some = run.partitions.filter(() => this.random.chance(0.5));
    if (some.length > 0) await this.log.append(some.map((partition) => barrierRecord(run.generation, atMs, partition)));
    await this.readBarriers();
  }

  /** Goes back to the newest older generation that is not known to be wrong. */
  async rollback(): Promise<void> {
    const pointer = await this.views.pointer();
    const target = (await listGenerations(this.context, 50)).find(
      ({ generation, readable }) => readable && generation < (pointer?.generation ?? 0) && !this.wrong.has(generation),
    );
    if (target) await rollback(this.context, target.generation);
  }

  async resume(): Promise<void> {
    await resumePublishing(this.context).catch(
      expected('TIDEMARK_BATCH_NOTHING_PUBLISHED', 'TIDEMARK_POINTER_SUPERSEDED', 'TIDEMARK_POINTER_BASE'),
    );
  }

  async grow(): Promise<void> {
    const partitions = await this.log.partitions();
    if (partitions.length < 4) await this.log.grow(partitions.length + 1);
  }

  /** An import of a few events, numbered and filed under the lock that freezes a run's cut. */
  async import(values: readonly Uint8Array[] = this.#randomValues()): Promise<void> {
    const { number, accepted } = await importEvents(this, DEFINITION, values, this.clock.now());
    this.mirror.imported(number, accepted);
  }

  #randomValues(): readonly Uint8Array[] {
    return Array.from({ length: this.random.between(1, 5) }, () => this.#events.next(this.clock.now()).bytes);
  }

  /** Something a dead run had sent arrives at last. */
  async arriveLate(): Promise<void> {
    await this.#late.shift()?.();
  }

  /** Reads on what barriers the log has: runs append them by themselves. */
  async readBarriers(): Promise<void> {
    await this.mirror.readBarriers(this.log);
  }

  /** Everything is let go on until nothing is left to do, and a last generation covers it all. */
  async settle(): Promise<void> {
    while (this.#late.length > 0) await this.arriveLate();
    await this.workers.settle();
    if ((await this.views.pointer())?.publishing === 'paused') await this.resume();
    // A run that was killed is resumed first; the one after it covers everything.
    for (;;) {
      const [newest] = await this.catalog.runs({ limit: 1 });
      const outcome = await runBatch(this.context);
      await this.readBarriers();
      if (outcome.status === 'rejected') throw new Error(`the quality gate refused it: ${outcome.reason}`);
      if (newest?.status !== 'running' && outcome.status === 'published') break;
    }
    await this.workers.settle();
  }

  #onProgress({ step, detail }: Progress): void {
    // At whichever of the engine's many statements a run is killed, it leaves the same: they count as one moment.
    const isOneOfMany = step === 'recompute' && detail !== 'begins';
    if (isOneOfMany || this.#killAtProgress === null || --this.#killAtProgress > 0) return;
    throw new Killed();
  }

  /** The views as a run sees them that is killed while its rows are under way. */
  #slowed(views: Views): Views {
    const writeBatch: Views['writeBatch'] = async (rows) => {
      if (!this.#holdWrites) return views.writeBatch(rows);
      this.#late.push(() => views.writeBatch(rows));
      throw new Killed();
    };
    return { ...bound(views), writeBatch };
  }
}

/** Calls that are not made again: what they did or did not do is for their caller to find out. */
const UNREPEATABLE: ReadonlySet<string | symbol> = new Set(['append', 'compareAndSetPointer', 'compareAndSetServing']);

/** A port whose outages are ridden out, as layers do: real servers on a busy machine time out. */
function patient<T extends object>(port: T): T {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (UNREPEATABLE.has(name)) return member.bind(target);
      return (...args: unknown[]) => {
        const call = () => Reflect.apply(member, target, args);
        let first: unknown = call();
        if (!(first instanceof Promise)) return first;
        return retry(() => {
          const asked = first ?? call();
          first = null;
          return asked;
        });
      };
    },
  });
}

/** The methods of an object, each still its own: so that one of them can be replaced. */
export function bound<T extends object>(object: T): T {
  return new Proxy(object, {
    ownKeys: () => methodNames(object),
    getOwnPropertyDescriptor: (target, name) => ({
      value: Reflect.get(target, name),
      enumerable: true,
      configurable: true,
    }),
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

function methodNames(object: object): string[] {
  const own = Object.getOwnPropertyNames(object);
  const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(object));
  return [...new Set([...own, ...inherited])].filter((name) => name !== 'constructor');
}

function expected(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof TidemarkError) || !codes.includes(error.code)) throw error;
  };
}
