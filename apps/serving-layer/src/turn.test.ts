import { openMemoryViews } from '@tidemark/views/testing';
import { expect, test, vi } from 'vitest';
import { order, type SampleShop } from './testing/sample-shop.ts';
import { serve } from './testing/served.ts';
import { SteeredViews } from './testing/steered-views.ts';

const OTHER = 'feedfacefeedface';
const NOT_SERVED = { status: 503, body: { code: 'TIDEMARK_API_NOT_SERVED' } };
const READY = { status: 200, body: { ready: true } };

test('a server of the definition switched from keeps its turn until balancers have seen the others, and answers on', async () => {
  const store = openMemoryViews();
  const { get, shop, ticks } = await serve({ store });
  await shop.publish(3, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  expect(await get('/readyz')).toMatchObject(READY);
  const own = { serving: shop.definition.id, previous: null, untilMs: null };
  await store.compareAndSetServing(null, own);
  ticks.advance(60_000);
  expect(await get('/readyz')).toMatchObject(READY);
  await store.compareAndSetServing(own, { serving: OTHER, previous: own.serving, untilMs: 9e12 });
  ticks.advance(19_000);
  expect(await get('/readyz')).toMatchObject(READY);
  ticks.advance(1_000);
  expect(await get('/readyz')).toMatchObject(NOT_SERVED);
  expect(await get('/v1/customers/ann')).toMatchObject({
    status: 200,
    body: { provenance: { definition: shop.definition.id } },
  });
  await store.compareAndSetServing(
    { serving: OTHER, previous: own.serving, untilMs: 9e12 },
    { serving: own.serving, previous: OTHER, untilMs: 9e12 },
  );
  ticks.advance(500);
  expect(await get('/readyz')).toMatchObject(READY);
});

test('a server whose definition is being filled answers nothing before its first generation', async () => {
  const store = openMemoryViews();
  const { get, shop, ticks } = await serve({ store });
  await shop.fold('ann', { epoch: 0, partition: 0, offset: 12n }, [order('o1', '1.00', '2024-01-01T00:00:00Z')]);
  expect(await get('/v1/customers/ann')).toMatchObject({ status: 200, body: { provenance: { generation: null } } });
  await store.compareAndSetServing(null, { serving: OTHER, previous: null, untilMs: null });
  ticks.advance(1_000);
  for (const url of ['/v1/customers/ann', '/v1/customers', '/v1/customers/export'])
    expect(await get(url)).toMatchObject(NOT_SERVED);
  await shop.publish(3, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  ticks.advance(1_000);
  expect(await get('/v1/customers/ann')).toMatchObject({ status: 200, body: { provenance: { generation: 3 } } });
});

test('a read of before the first generation is not answered when the definition began to be filled meanwhile', async () => {
  const store = openMemoryViews();
  let steering: SteeredViews | undefined;
  const over = (shop: SampleShop) => {
    steering = new SteeredViews(shop.views);
    return { views: steering.views };
  };
  const { get, shop } = await serve({ store, over });
  steering?.before.set('read', async () => {
    await store.compareAndSetServing(null, { serving: OTHER, previous: null, untilMs: null });
    await shop.fold('ann', { epoch: 3, partition: 0, offset: 12n }, [order('o2', '2.00', '2024-01-01T00:00:00Z')]);
  });
  expect(await get('/v1/customers/ann')).toMatchObject(NOT_SERVED);
});

test('a server whose definition was made anew is told so in its turn, and one that is not served just is not ready', async () => {
  const store = openMemoryViews();
  const { get, ticks, lines } = await serve({ store });
  await store.compareAndSetServing(null, { serving: OTHER, previous: null, untilMs: null });
  const [definition = ''] = await store.definitions();
  await store.drop(definition);
  ticks.advance(30_000);
  expect(await get('/readyz')).toMatchObject(NOT_SERVED);
  expect(await get('/v1/customers/ann')).toMatchObject({ status: 503 });
  expect(lines.join()).not.toContain('outlived');
  await store.compareAndSetServing(await store.serving(), { serving: definition, previous: OTHER, untilMs: null });
  ticks.advance(1_000);
  expect(await get('/v1/customers/ann')).toMatchObject({ status: 503 });
  await vi.waitFor(() => expect(lines.join()).toContain('outlived'));
});

test('a server of a definition that is not served yet is not ready, however new', async () => {
  const store = openMemoryViews();
  const { get, shop, ticks, lines } = await serve({ store });
  await shop.publish(3, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  const row = { serving: OTHER, previous: null, untilMs: null };
  await store.compareAndSetServing(null, row);
  expect(await get('/readyz')).toMatchObject(NOT_SERVED);
  expect(lines.join()).not.toContain('a store does not answer');
  await store.compareAndSetServing(row, { serving: shop.definition.id, previous: OTHER, untilMs: 9e12 });
  ticks.advance(500);
  expect(await get('/readyz')).toMatchObject(READY);
});
