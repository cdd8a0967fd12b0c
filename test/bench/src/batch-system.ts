import { join } from 'node:path';
import { type BatchContext, runBatch } from '@tidemark/batch-layer';
import { type Catalog, openCatalog } from '@tidemark/catalog';
import { openSession } from '@tidemark/duckdb';
import { fromRecordBatch } from '@tidemark/engine';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { Lake } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import type { Append, EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { systemClock } from '@tidemark/runtime';
import type { BatchRow, Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { AppProcess } from './app-process.ts';
import type { Place } from './bench.ts';
import { chunks } from './events.ts';

export type PublishedRun = {
  readonly generation: number;
  readonly rowsWritten: number;
  /** How long these steps took. */
  readonly landMs: number;
  readonly publishMs: number;
};

/** Log, lake, catalog and views of one system, new and empty, with a batch layer in this process and apps beside it. */
export class BatchSystem {
  readonly #context: BatchContext;
  readonly #close: () => Promise<void>;
  readonly #apps: AppProcess[] = [];
  /** Where its stores are, as apps are told. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(
    context: BatchContext,
    environment: Readonly<Record<string, string>>,
    close: () => Promise<void>,
  ) {
    this.#context = context;
    this.environment = environment;
    this.#close = close;
  }

  /** A system for the time that the work takes. */
  static async with<T>(place: Place, work: (system: BatchSystem) => Promise<T>): Promise<T> {
    const system = await BatchSystem.#open(place);
    try {
      return await work(system);
    } finally {
      for (const app of system.#apps) await app.stop();
      await system.#close();
    }
  }

  static async #open(place: Place): Promise<BatchSystem> {
    const folder = await place.folder();
    const [logUrl, viewsUrl, catalogUrl] = [await place.log(), await place.views(), await place.database()];
    const limits = { memoryLimit: '1GB', threads: 2, tempFolder: join(folder, 'spill') };
    const [session, engine] = [await openSession({ ...limits, keepsOrder: true }), openDuckDbEngine(limits)];
    const definition = define('USD');
    const log = await openLog(logUrl, { partitions: 4 });
    const [store, catalog] = [await openViews(viewsUrl), await openCatalog(catalogUrl)];
    const lake = new Lake(await openStorage(join(folder, 'lake')), session);
    const context: BatchContext = {
      definition,
      log,
      store,
      views: await store.open(definition),
      lake,
      engine,
      catalog,
      clock: systemClock,
      settings: { barrierDistanceMs: 0, floorGraceMs: 30_000, generations: 2, mergeAtFiles: 1_000 },
      progress: () => {},
    };
    const environment = {
      TIDEMARK_LOG_URL: logUrl,
      TIDEMARK_VIEWS_URL: viewsUrl,
      TIDEMARK_CATALOG_URL: catalogUrl,
      TIDEMARK_LAKE_URL: join(folder, 'lake'),
    };
    return new BatchSystem(context, environment, async () => {
      await Promise.all([log.close(), store.close(), catalog.close(), engine.close()]);
      session.close();
    });
  }

  get definition(): BatchContext['definition'] {
    return this.#context.definition;
  }

  get log(): EventLog {
    return this.#context.log;
  }

  get views(): Views {
    return this.#context.views;
  }

  async append(records: readonly Append[]): Promise<void> {
    for (const batch of chunks(records, 1_000)) await this.#context.log.append(batch);
  }

  /** One batch run, and how long some of its steps took. */
  async run(): Promise<PublishedRun> {
    const { generation, rowsWritten } = await runBatch(this.#context);
    const run = await this.#context.catalog.run(generation);
    const tookMs = (wanted: string): number => {
      const { startedAtMs, endedAtMs } = stepOf(run, wanted);
      return Math.max(1, endedAtMs - startedAtMs);
    };
    return { generation, rowsWritten, landMs: tookMs('land'), publishMs: tookMs('publish') };
  }

  /** When the newest run published, whoever ran it. */
  async publishStep(): Promise<StepTimes> {
    const [newest] = await this.#context.catalog.runs({ limit: 1 });
    return stepOf(newest ?? null, 'publish');
  }

  /** The rows of a generation, as they were published. */
  async rowsOf(generation: number): Promise<readonly BatchRow[]> {
    const { catalog, lake, engine, definition } = this.#context;
    const run = await catalog.run(generation);
    if (!run?.snapshot) throw new Error('the run has no snapshot');
    const rows: BatchRow[] = [];
    const snapshot = await lake.openSnapshot(run.snapshot);
    for await (const batch of engine.changes(definition.currency, snapshot, null)) {
      for (const { customerId, state } of fromRecordBatch(definition.columns, batch))
        rows.push({ customerId, generation, state });
    }
    return rows;
  }

  /** Starts a process that is told where the stores are, and ends it with the system. */
  async start(module: string, env: Readonly<Record<string, string>>): Promise<AppProcess> {
    const app = await AppProcess.start(module, { ...this.environment, ...env });
    this.#apps.push(app);
    return app;
  }
}

type StepTimes = { readonly startedAtMs: number; readonly endedAtMs: number };

function stepOf(run: Awaited<ReturnType<Catalog['run']>>, wanted: string): StepTimes {
  const step = run?.steps.find(({ name }) => name === wanted);
  if (!step?.endedAtMs) throw new Error(`the run did not ${wanted}`);
  return { startedAtMs: step.startedAtMs, endedAtMs: step.endedAtMs };
}
