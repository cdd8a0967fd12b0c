import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCatalog } from '@tidemark/catalog';
import { parse } from '@tidemark/contracts';
import { openSession } from '@tidemark/duckdb';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { Lake } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import { define, mergeView } from '@tidemark/metrics';
import { openPool } from '@tidemark/postgres';
import { type ManualClock, manualClock } from '@tidemark/runtime';
import { pinned } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import type { BatchContext, Progress } from '../batch-context.ts';

const text = new TextEncoder();

/** The batch layer over real stores, without a speed layer, on a clock of its own. */
export type SmallSystem = {
  context: BatchContext;
  readonly clock: ManualClock;
  /** Called with every progress; throwing kills the run there. */
  onProgress: (progress: Progress) => void;
  place(customer: string, order: string, amount: string): Promise<void>;
  import(events: readonly Record<string, unknown>[]): Promise<number>;
  /** Goes on with the tables there are, as a process does that begins now. */
  reopen(): Promise<void>;
  /** Leaves a catalog behind that knows nothing. */
  loseCatalog(): Promise<void>;
  /** Revenue in the batch view at the live pointer; null without a row. */
  revenue(customer: string): Promise<unknown>;
  close(): Promise<void>;
};

export async function openSmallSystem(settings: Partial<BatchContext['settings']> = {}): Promise<SmallSystem> {
  const definition = define('USD');
  const database = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-batch-'));
  const options = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
  const log = await openLog(database.url, { partitions: 2 });
  const store = await openViews(database.url);
  const views = await store.open(definition);
  const catalog = await openCatalog(database.url);
  const session = await openSession(options);
  const lake = new Lake(await openStorage(join(folder, 'lake')), session);
  const engine = openDuckDbEngine(options);
  const clock = manualClock(Date.UTC(2026, 2, 1));
  let sent = 0;
  const envelope = (customer: string) => ({
    event_id: `e-${++sent}`,
    customer_id: customer,
    occurred_at: '2026-02-03T04:05:06Z',
  });

  const system: SmallSystem = {
    clock,
    onProgress: () => {},
    context: {
      definition,
      log,
      store,
      views,
      lake,
      engine,
      catalog,
      clock,
      settings: { barrierDistanceMs: 0, floorGraceMs: 30_000, generations: 2, mergeAtFiles: 4, ...settings },
      progress: (progress) => system.onProgress(progress),
    },
    async place(customer, order, amount) {
      const event = { ...envelope(customer), event_type: 'order_placed', order_id: order, total_amount: amount };
      await log.append([{ key: text.encode(customer), value: text.encode(JSON.stringify(event)) }]);
    },
    async import(events) {
      const writers = { events: await lake.eventWriter(), rows: await lake.rowWriter(definition) };
      events.forEach((event, row) => {
        const value = text.encode(JSON.stringify({ ...envelope('nobody'), ...event }));
        const parsed = parse(value, { currency: 'USD' });
        if (!parsed.ok) throw new Error(parsed.reason);
        writers.events.append({ place: { row }, key: null, value, timestampMs: null, parsed });
        writers.rows.append({ row }, parsed.event);
      });
      const file = await writers.events.finish();
      const rows = await writers.rows.finish();
      return catalog.withImportLock(async () => {
        const number = ((await lake.imports()).at(-1)?.number ?? 0) + 1;
        const entry = {
          number,
          source: 'events',
          name: 'test',
          inputSha256: '',
          importedAtMs: clock.now(),
          file,
          counts: {},
        };
        await lake.commitImport(definition, entry, rows);
        return number;
      });
    },
    async reopen() {
      system.context = { ...system.context, views: await store.open(definition) };
    },
    async loseCatalog() {
      const pool = openPool(database.url, { applicationName: 'test' });
      await pool.query('TRUNCATE tidemark_catalog.runs, tidemark_catalog.imports, tidemark_catalog.settings CASCADE');
      await pool.end();
    },
    async revenue(customer) {
      const { views } = system.context;
      const { lineage } = pinned(await views.pointer());
      const [rows] = await views.read([customer], lineage, { generation: 2 ** 31 - 1, cutPartitions: new Set([0, 1]) });
      const state = rows?.batch?.state;
      return state ? mergeView(definition, [state], clock.now()).metrics.total_revenue : null;
    },
    async close() {
      await engine.close();
      session.close();
      await catalog.close();
      await store.close();
      await log.close();
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
  return system;
}
