import { expect, test } from 'vitest';
import { order } from './testing/sample-shop.ts';
import { serve } from './testing/served.ts';
import { SteeredViews } from './testing/steered-views.ts';

const orderOf = (amount: string, id = 'o1') => order(id, amount, '2024-01-01T00:00:00Z');

async function steered() {
  let steering: SteeredViews | undefined;
  const served = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      return { views: steering.views };
    },
  });
  if (!steering) throw new Error('no views');
  return { ...served, steering };
}

test('readers of half a second share the pointer, and never wait for it while it is young', async () => {
  const { get, shop, steering, ticks } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  await Promise.all(Array.from({ length: 20 }, () => get('/v1/customers/ann')));
  expect(steering.count('pointer')).toBe(1);
  expect(steering.count('positions')).toBe(1);

  ticks.advance(300);
  let release = () => {};
  steering.before.set('pointer', () => new Promise<void>((resolve) => (release = resolve)));
  await Promise.all(Array.from({ length: 20 }, () => get('/v1/customers/ann')));
  expect(steering.count('pointer')).toBe(2);

  ticks.advance(300);
  const waiting = Promise.all(Array.from({ length: 20 }, () => get('/v1/customers/ann')));
  release();
  await waiting;
  // The refresh that was under way served them all; it began 300 ms ago, so one more begins behind their backs.
  expect(steering.count('pointer')).toBeLessThanOrEqual(3);
});

test('a publish is seen within half a second', async () => {
  const { get, shop, ticks } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  await get('/v1/customers/ann');
  await shop.publish(2, { ann: [orderOf('2.00')] });
  expect(await get('/v1/customers/ann')).toMatchObject({ body: { provenance: { generation: 1 } } });
  ticks.advance(500);
  expect(await get('/v1/customers/ann')).toMatchObject({
    body: { metrics: { total_revenue: '2.00' }, provenance: { generation: 2 } },
  });
});

test('positions are read before rows, so that every record up to them is in the answer', async () => {
  const { get, shop, steering } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  await get('/v1/customers/ann');
  expect(steering.calls).toEqual(['pointer', 'positions', 'read']);
});

test('a reader that took long and finds its generation below the floor reads again', async () => {
  const { get, shop, steering, ticks } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  steering.before.set('read', async () => {
    steering.before.delete('read');
    await shop.publish(2, { ann: [orderOf('2.00')] });
    await shop.raiseFloor(2);
    // The cleaner has been there: what the reader finds now is not the generation it pinned.
    await shop.views.deleteBatch([{ customerId: 'ann', generation: 1 }]);
    ticks.advance(10_001);
  });
  expect(await get('/v1/customers/ann')).toMatchObject({
    status: 200,
    body: { metrics: { total_revenue: '2.00' }, provenance: { generation: 2 } },
  });
  expect(steering.count('read')).toBe(2);
});

test('a reader that took long with a generation that is still readable answers what it read', async () => {
  const { get, shop, steering, ticks } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  steering.before.set('read', async () => {
    await shop.publish(2, { ann: [orderOf('2.00')] });
    ticks.advance(10_001);
    steering.before.delete('read');
  });
  expect(await get('/v1/customers/ann')).toMatchObject({ body: { provenance: { generation: 1 } } });
  expect(steering.count('read')).toBe(1);
});

test('a named generation that falls below the floor under a slow reader is gone, not half read', async () => {
  const { get, shop, steering, ticks } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  await shop.publish(2, { ann: [orderOf('2.00')] });
  steering.before.set('read', async () => {
    await shop.raiseFloor(2);
    ticks.advance(10_001);
  });
  expect(await get('/v1/customers/ann?generation=1')).toMatchObject({ status: 410 });
});

test('a slow reader of deltas alone reads again when the first generation came meanwhile', async () => {
  const { get, shop, steering, ticks } = await steered();
  await shop.fold('ann', { epoch: 0, partition: 0, offset: 1n }, [orderOf('1.00')]);
  steering.before.set('read', async () => {
    steering.before.delete('read');
    await shop.publish(1, { ann: [orderOf('1.00')] });
    ticks.advance(10_001);
  });
  expect(await get('/v1/customers/ann')).toMatchObject({
    body: { metrics: { total_revenue: '1.00' }, provenance: { generation: 1, deltas: [] } },
  });
});

test('a store that is down is a 503 with a time to wait, and the next request asks it again', async () => {
  const { app, get, shop, steering, expire } = await steered();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  await get('/v1/customers/ann');
  for (const call of ['read', 'positions', 'pointer'] as const) {
    expire();
    steering.fail(call);
    const response = await app.inject('/v1/customers/ann');
    expect(response.statusCode, call).toBe(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.json()).toMatchObject({ code: 'TIDEMARK_API_UNAVAILABLE' });
    expect(response.body).not.toContain('ECONNREFUSED');
    steering.before.delete(call);
    expect((await get('/v1/customers/ann')).status).toBe(200);
  }
});
