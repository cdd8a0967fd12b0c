import { expect, test } from 'vitest';
import { order } from '../testing/sample-shop.ts';
import { serve } from '../testing/served.ts';
import { SteeredViews } from '../testing/steered-views.ts';

test('ready with a generation, or when there never was anything else than deltas', async () => {
  let awaits = true;
  const { get, shop, expire } = await serve({ over: () => ({ awaitsFirstGeneration: async () => awaits }) });
  expect(await get('/healthz')).toEqual({ status: 200, body: { ok: true } });
  expect(await get('/readyz')).toMatchObject({ status: 503, body: { code: 'TIDEMARK_API_UNAVAILABLE' } });
  awaits = false;
  expect(await get('/readyz')).toEqual({ status: 200, body: { ready: true, generation: null } });
  awaits = true;
  await shop.publish(4, {});
  // At once: not only when the pointer that is shared has grown old.
  expect(await get('/readyz')).toEqual({ status: 200, body: { ready: true, generation: 4 } });
  expire();
  expect(await get('/readyz')).toEqual({ status: 200, body: { ready: true, generation: 4 } });
});

test('generations are listed newest first, with what can be read of them', async () => {
  const { get, shop, expire } = await serve();
  for (const generation of [1, 2, 3]) await shop.publish(generation, {}, { 0: BigInt(generation * 10) });
  await shop.rollback(2);
  await shop.raiseFloor(2);
  expire();
  const { body } = await get('/v1/generations');
  expect(body).toMatchObject({ definition: shop.definition.id, live: 2, floor: 2, publishing: 'paused' });
  expect((body as { generations: unknown[] }).generations).toMatchObject([
    { generation: 3, status: 'published', live: false, readable: true, cut: { partitions: { 0: '30' } } },
    { generation: 2, live: true, readable: true },
    { generation: 1, live: false, readable: false },
  ]);
  expect(((await get('/v1/generations?limit=1')).body as { generations: unknown[] }).generations).toHaveLength(1);
});

test('dead letters come page by page, with their bytes and, when it is UTF-8, their text', async () => {
  const { get, shop } = await serve();
  await shop.views.writeDeadLetters([
    { partition: 0, offset: 2n ** 62n, code: 'invalid_json', reason: 'is not JSON', bytes: Buffer.from('{"ü') },
    { partition: 1, offset: 3n, code: 'invalid_utf8', reason: 'is not UTF-8', bytes: new Uint8Array([0xff, 0]) },
    { partition: 1, offset: 4n, code: 'invalid_json', reason: 'is not JSON', bytes: new Uint8Array() },
  ]);
  const first = await get('/v1/dead-letters?limit=2');
  expect(first.body).toMatchObject({
    counts: { invalid_json: '2', invalid_utf8: '1' },
    dead_letters: [
      { partition: 0, offset: '4611686018427387904', code: 'invalid_json', bytes: 'eyLDvA==', text: '{"ü' },
      { partition: 1, offset: '3', bytes: '/wA=', text: null },
    ],
  });
  const { next_cursor } = first.body as { next_cursor: string };
  expect((await get(`/v1/dead-letters?limit=2&cursor=${next_cursor}`)).body).toMatchObject({
    dead_letters: [{ offset: '4', bytes: '', text: '' }],
    next_cursor: null,
  });
});

test('the metrics catalog describes every metric in the order of answers', async () => {
  const { get, shop } = await serve();
  const { body } = await get('/v1/metrics-catalog');
  const { metrics } = body as { metrics: { name: string }[] };
  expect(metrics.map(({ name }) => name)).toEqual(shop.definition.metrics.map(({ name }) => name));
  const named = (name: string) => metrics.find((metric) => metric.name === name);
  expect(named('total_revenue')).toEqual({
    name: 'total_revenue',
    type: 'string',
    unit: 'money',
    definition: 'Sum of all orders that are not cancelled; refunds do not lower it.',
    under_retraction: 'exact',
    ranked: true,
  });
  expect(named('first_order_date')).toMatchObject({ under_retraction: 'provisional' });
  // As its inputs are: a lifetime needs the first order.
  expect(named('estimated_clv')).toMatchObject({ under_retraction: 'provisional' });
  expect(named('at_risk')).toMatchObject({ type: 'boolean', under_retraction: 'exact' });
});

test('requests are counted by route, never by path, and a store that is down fails no scrape', async () => {
  let steering: SteeredViews | undefined;
  const { app, shop, expire } = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      return { views: steering.views };
    },
  });
  await shop.publish(3, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  await app.inject('/v1/customers/ann');
  await app.inject('/v1/customers/bob');
  await app.inject('/nothing/ann');
  const scrape = async () => (await app.inject('/metrics')).body;
  const text = await scrape();
  expect(text).toContain(
    'tidemark_http_request_duration_seconds_count{app="serving-layer",method="GET",route="/v1/customers/:id",status="200"} 1',
  );
  expect(text).toContain(
    'tidemark_http_request_duration_seconds_count{app="serving-layer",method="GET",route="/v1/customers/:id",status="404"} 1',
  );
  expect(text).toContain('route="none",status="404"');
  expect(text).toContain('tidemark_serving_generation{app="serving-layer"} 3');
  expect(text).toContain('tidemark_serving_staleness_seconds{app="serving-layer"} 0');
  expect(text).not.toContain('ann');
  steering?.fail('pointer');
  steering?.fail('positions');
  expire();
  expect(await scrape()).not.toContain('tidemark_serving_generation{');
});

test('the API is documented with everything it needs', async () => {
  const { app, get } = await serve();
  const { body } = await get('/openapi.json');
  const { paths } = body as { paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };
  expect(Object.keys(paths).sort()).toEqual([
    '/healthz',
    '/readyz',
    '/v1/customers',
    '/v1/customers/export',
    '/v1/customers/{id}',
    '/v1/customers:batchGet',
    '/v1/dead-letters',
    '/v1/drift',
    '/v1/drift/{generation}',
    '/v1/generations',
    '/v1/metrics-catalog',
  ]);
  const page = await app.inject('/docs/');
  expect(page.statusCode).toBe(200);
  const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset = '']) => asset);
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect(asset).toMatch(/^\.\//);
    expect((await app.inject(new URL(asset, 'http://x/docs/').pathname)).statusCode, asset).toBe(200);
  }
});
