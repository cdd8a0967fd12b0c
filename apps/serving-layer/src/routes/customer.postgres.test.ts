import { openCatalog } from '@tidemark/catalog';
import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { openLog } from '@tidemark/log/open';
import { openViews } from '@tidemark/views/open';
import { expect, onTestFinished, test } from 'vitest';
import { order } from '../testing/sample-shop.ts';
import { serve } from '../testing/served.ts';

const database = testDatabase();

test('a customer is answered from PostgreSQL over a real connection, merged of both layers', async () => {
  const store = await openViews(database.url());
  const log = await openLog(database.url(), { partitions: 1 });
  const catalog = await openCatalog(database.url());
  onTestFinished(async () => {
    await Promise.all([store.close(), log.close(), catalog.close()]);
  });
  const { app, shop } = await serve({ store, over: () => ({ log, catalog }) });
  await shop.publish(1, { ann: [order('o1', '100.00', '2024-01-01T00:00:00Z')] }, { 0: 3n });
  await shop.fold('ann', { epoch: 1, partition: 0, offset: 4n }, [order('o2', '11.50', '2024-05-30T00:00:00Z')]);
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const response = await fetch(`${address}/v1/customers/ann`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    customer_id: 'ann',
    currency: 'USD',
    metrics: { total_revenue: '111.50', order_count: 2 },
    provisional: [],
    provenance: {
      generation: 1,
      cut: { partitions: { '0': '3' }, imports: 0 },
      deltas: [{ partition: 0, epoch: 1, last_offset: '4' }],
      positions: { '0': '4' },
      staleness_ms: 0,
    },
  });
});
