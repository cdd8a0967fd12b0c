import type { Drift } from '@tidemark/catalog';
import { expect, test } from 'vitest';
import { BARRIER_AT_MS, NOW_MS } from '../testing/sample-shop.ts';
import { serve } from '../testing/served.ts';

const drift = (generation: number, over: Partial<Drift> = {}): Drift => ({
  generation,
  status: 'measured',
  reason: null,
  base: generation - 1,
  asOfMs: BARRIER_AT_MS,
  measuredAtMs: NOW_MS,
  compared: 12,
  differing: 1,
  causes: { repeat: 1 },
  metrics: [
    {
      metric: 'total_revenue',
      unit: 'money',
      customers: 1,
      total: '-10.00',
      largest: '-10.00',
      causes: [
        {
          cause: 'repeat',
          customers: 1,
          total: '-10.00',
          largest: '-10.00',
          examples: [
            {
              customer_id: 'ann',
              before: '20.00',
              after: '10.00',
              events: [
                {
                  event_id: 'e-1',
                  source: 'orders',
                  kind: 'placed',
                  key: 'o-1',
                  at: { partition: 0, offset: '9007199254740993' },
                },
              ],
            },
          ],
        },
      ],
    },
  ],
  ...over,
});

test('drift is listed newest first, page by page', async () => {
  const { get, shop } = await serve();
  for (const generation of [2, 3, 4]) shop.drifts.set(generation, drift(generation));
  const first = (await get('/v1/drift?limit=2')).body as { drifts: object[]; next_cursor: string };
  expect(first.drifts).toMatchObject([{ generation: 4, causes: { repeat: 1 } }, { generation: 3 }]);
  expect(first.drifts[0]).not.toHaveProperty('metrics');
  expect((await get(`/v1/drift?limit=2&cursor=${first.next_cursor}`)).body).toMatchObject({
    definition: shop.definition.id,
    drifts: [{ generation: 2 }],
    next_cursor: null,
  });
});

test("a generation's drift says by metric and cause what was corrected, for whom and by which events", async () => {
  const { get, shop } = await serve();
  await shop.publish(1, {});
  await shop.publish(2, {});
  shop.drifts.set(2, drift(2));
  expect(await get('/v1/drift/2')).toEqual({
    status: 200,
    body: {
      generation: 2,
      status: 'measured',
      reason: null,
      base: 1,
      as_of: '2024-06-01T12:00:00.000Z',
      measured_at: '2024-06-01T13:00:00.000Z',
      compared: 12,
      differing: 1,
      causes: { repeat: 1 },
      metrics: drift(2).metrics,
    },
  });
  expect(await get('/v1/drift/1')).toMatchObject({ status: 404, body: { code: 'TIDEMARK_API_NO_DRIFT' } });
  expect(await get('/v1/drift/3')).toMatchObject({ status: 404, body: { code: 'TIDEMARK_API_UNKNOWN_GENERATION' } });
});

test('the newest measured drift is a metric, in which what was lost is never missing', async () => {
  let isDown = false;
  const { app, shop } = await serve({
    over: ({ catalog }) => ({
      catalog: {
        ...catalog,
        drifts: async (filter) => {
          if (isDown) throw new Error('down');
          return catalog.drifts(filter);
        },
      },
    }),
  });
  const scrape = async () => (await app.inject('/metrics')).body;
  expect(await scrape()).not.toContain('tidemark_drift_customers{');
  shop.drifts.set(2, drift(2));
  shop.drifts.set(3, drift(3, { status: 'not measured', reason: 'no speed layer folds the log', causes: {} }));
  expect(await scrape()).toContain('tidemark_drift_customers{cause="lost",app="serving-layer"} 0');
  expect(await scrape()).toContain('tidemark_drift_customers{cause="repeat",app="serving-layer"} 1');
  shop.drifts.set(4, drift(4, { causes: { lost: 3 } }));
  expect(await scrape()).toContain('tidemark_drift_customers{cause="lost",app="serving-layer"} 3');
  expect(await scrape()).not.toContain('cause="repeat"');
  isDown = true;
  expect(await scrape()).not.toContain('tidemark_drift_customers{');
});
