import { join } from 'node:path';
import { type BatchContext, runBatch } from '@tidemark/batch-layer';
import { openCatalog } from '@tidemark/catalog';
import { openSession } from '@tidemark/duckdb';
import { fromRecordBatch } from '@tidemark/engine';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { Lake } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { systemClock } from '@tidemark/runtime';
import type { BatchRow } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { type Bench, rate, scaled } from './bench.ts';
import { chunks, orderRecords } from './events.ts';

const ROWS = 500;

/** The publish step of a first run, every customer new, against a bare loop that writes the same rows, ready in memory. */
export const publishBench: Bench = {
  name: 'publish',
  unit: 'rows/s',
  against: 'bare loop of upserts',
  goal: 0.5,
  async run(place) {
    const customers = scaled(100_000, place);
    const definition = define('USD');
    const limits = { memoryLimit: '1GB', threads: 2, tempFolder: join(place.folder, 'publish-spill') };
    const [session, engine] = [await openSession(limits), openDuckDbEngine(limits)];
    const log = await openLog(await place.log(), { partitions: 4 });
    const [store, catalog] = [await openViews(await place.views()), await openCatalog(await place.database())];
    const lake = new Lake(await openStorage(join(place.folder, 'lake')), session);
    const bareStore = await openViews(await place.views());
    try {
      for (const batch of chunks(orderRecords(customers, customers), 1_000)) await log.append(batch);
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
      const { generation, rowsWritten } = await runBatch(context);
      const run = await catalog.run(generation);
      const step = run?.steps.find(({ name }) => name === 'publish');
      if (!run?.snapshot || !step?.endedAtMs) throw new Error('the run published nothing');
      const value = (rowsWritten / Math.max(1, step.endedAtMs - step.startedAtMs)) * 1000;

      const rows: BatchRow[] = [];
      const snapshot = await lake.openSnapshot(definition.id, generation, run.snapshot.sha256);
      for await (const batch of engine.changes(definition.currency, snapshot, null)) {
        for (const { customerId, state } of fromRecordBatch(definition.columns, batch))
          rows.push({ customerId, generation, state });
      }
      const bare = await bareStore.open(definition);
      const baseline = await rate(rows.length, async () => {
        for (const page of chunks(rows, ROWS)) await bare.writeBatch(page);
      });
      return { value, baseline };
    } finally {
      await Promise.all([log.close(), store.close(), catalog.close(), bareStore.close(), engine.close()]);
      session.close();
    }
  },
};
