import { speedLayerGroup } from '@tidemark/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rebuild, runBatch } from './index.ts';
import { openSmallSystem, type SmallSystem } from './testing/small-system.ts';

let system: SmallSystem;

beforeEach(async () => {
  system = await openSmallSystem();
});

afterEach(() => system.close());

const imported = { event_type: 'order_placed', customer_id: 'anna', order_id: 'o-0', total_amount: '100.00' };

it('makes the views anew from lake and log, the imports too, under a number never used before', async () => {
  await system.import([imported]);
  await system.place('anna', 'o-1', '10.00');
  await runBatch(system.context);
  await system.place('anna', 'o-2', '5.00');
  const { store, definition, catalog } = system.context;
  await store.drop(definition.id);
  await system.loseCatalog();

  expect(await rebuild(system.context)).toMatchObject({ status: 'published', customers: 1, generation: 2 });
  await system.reopen();
  expect(await system.revenue('anna')).toBe('115.00');
  expect((await catalog.imports()).map(({ number }) => number)).toEqual([1]);
  expect((await runBatch(system.context)).rowsWritten).toBe(0);
});

it('leaves nothing of the rows there were: what was wrong in them is gone', async () => {
  await system.place('anna', 'o-1', '10.00');
  await runBatch(system.context);
  const { views } = system.context;
  const position = { offset: 90n, epoch: 1, previousEpoch: 0, fingerprint: 'x', logId: 'another' };
  await views.writePosition(0, position);
  await views.writeTouched([{ customerId: 'phantom', epoch: 1, partition: 0 }]);
  await rebuild(system.context);
  // Whoever still holds on to them is told, and writes nothing into the new ones.
  await expect(views.writePosition(0, position)).rejects.toMatchObject({ code: 'TIDEMARK_VIEWS_GONE' });
  await system.reopen();
  const anew = system.context.views;
  expect(await anew.positions()).toEqual(new Map());
  expect((await anew.scan(null, null, { after: null, limit: 10 })).rows).toEqual([]);
});

it('has no drift: nobody was answered from the deltas that it had folded again', async () => {
  await system.place('anna', 'o-1', '10.00');
  await runBatch(system.context);
  const { generation, drifts } = await rebuild(system.context);
  const reason = 'its views were made anew: before it nobody was answered from them';
  expect(drifts).toMatchObject([{ generation, status: 'not measured', reason }]);
});

it('abandons the run that was going on', async () => {
  await system.place('anna', 'o-1', '10.00');
  const { catalog, definition } = system.context;
  const lastImport = async () => 0;
  await catalog.beginRun({ definition: definition.id, partitions: [0, 1], atMs: 1, above: 0, lastImport });
  expect((await rebuild(system.context)).generation).toBe(2);
  expect((await catalog.run(1))?.status).toBe('abandoned');
});

it('is refused while a speed layer folds, and while a run goes on', async () => {
  const { log, catalog, definition } = system.context;
  const handler = { assigned: async () => 0n, records: async () => {}, revoked: async () => {} };
  const consumer = await log.consume(speedLayerGroup(definition.id), handler);
  await expect.poll(() => log.members(speedLayerGroup(definition.id)), { timeout: 10_000 }).toBe(1);
  await expect(rebuild(system.context)).rejects.toMatchObject({ code: 'TIDEMARK_REBUILD_WHILE_FOLDING' });
  await consumer.stop();
  const lock = await catalog.acquireRunLock();
  await expect(rebuild(system.context)).rejects.toMatchObject({ code: 'TIDEMARK_BATCH_BUSY' });
  await lock?.release();
});

it('is what a run asks for when the catalog is not the one that knows the live generation', async () => {
  await system.place('anna', 'o-1', '10.00');
  await runBatch(system.context);
  await system.loseCatalog();
  await expect(runBatch(system.context)).rejects.toMatchObject({ code: 'TIDEMARK_BATCH_CATALOG_LOST' });
  await rebuild(system.context);
  await system.reopen();
  expect((await runBatch(system.context)).status).toBe('published');
});
