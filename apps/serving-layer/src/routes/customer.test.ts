import { formatTime } from '@tidemark/contracts';
import { expect, test } from 'vitest';
import { BARRIER_AT_MS, NOW_MS, order, ticket } from '../testing/sample-shop.ts';
import { serve } from '../testing/served.ts';

const DAY_MS = 86_400_000;
const orderOf = (amount: string, id = 'o1') => order(id, amount, '2024-01-01T00:00:00Z');

test('an answer has exactly the documented fields in their order, and its offsets are decimal strings', async () => {
  const { app, shop, log } = await serve();
  await shop.publish(7, { ann: [orderOf('100.00')] }, { 1: 12n, 0: 2n ** 62n });
  await shop.fold('ann', { epoch: 7, partition: 1, offset: 14n }, [orderOf('11.50', 'o2')]);
  log.bounds_.set(1, { start: 0n, end: 17n });
  log.recordAtMs = NOW_MS - 1500;
  const { statusCode, headers, body } = await app.inject('/v1/customers/ann');
  expect(statusCode).toBe(200);
  expect(headers['content-type']).toMatch(/^application\/json/);
  const { metrics, ...rest } = JSON.parse(body);
  expect(Object.keys(metrics)).toEqual(shop.definition.metrics.map(({ name }) => name));
  expect(metrics).toMatchObject({ total_revenue: '111.50', avg_order_value: '55.75', order_count: 2 });
  expect(JSON.stringify(rest)).toBe(
    JSON.stringify({
      customer_id: 'ann',
      currency: 'USD',
      provisional: [],
      provenance: {
        definition: shop.definition.id,
        generation: 7,
        cut: { partitions: { 0: '4611686018427387904', 1: '12' }, imports: 0 },
        published_at: '2024-06-01T12:01:00.000Z',
        as_of: '2024-06-01T13:00:00.000Z',
        deltas: [{ partition: 1, epoch: 7, last_offset: '14' }],
        positions: { 1: '14' },
        staleness_ms: 1500,
      },
    }),
  );
  expect(Object.keys(JSON.parse(body))).toEqual(['customer_id', 'currency', 'metrics', 'provisional', 'provenance']);
});

test('a customer with only cancelled orders is answered, one with neither row nor delta is not known', async () => {
  const { get, shop } = await serve();
  await shop.publish(1, { ann: [order('o1', '5.00', '2024-01-01T00:00:00Z', 'cancelled')] });
  expect(await get('/v1/customers/ann')).toMatchObject({
    status: 200,
    body: { metrics: { cancelled_orders: 1, order_count: 0, total_revenue: '0.00', avg_order_value: null } },
  });
  expect(await get('/v1/customers/bob')).toMatchObject({
    status: 404,
    body: { code: 'TIDEMARK_API_UNKNOWN_CUSTOMER', status: 404 },
  });
});

test('a customer whom the generation no longer has is not known, and is again once something happens', async () => {
  const { get, shop, expire } = await serve();
  await shop.publish(1, { ann: [orderOf('5.00')] });
  await shop.publish(2, { ann: null });
  expect((await get('/v1/customers/ann')).status).toBe(404);
  await shop.fold('ann', { epoch: 2, partition: 0, offset: 12n }, [orderOf('1.00')]);
  expire();
  expect(await get('/v1/customers/ann')).toMatchObject({ status: 200, body: { metrics: { total_revenue: '1.00' } } });
});

test('before the first generation deltas answer alone', async () => {
  const { get, shop } = await serve();
  await shop.fold('ann', { epoch: 0, partition: 0, offset: 3n }, [orderOf('5.00')]);
  expect(await get('/v1/customers/ann')).toMatchObject({
    status: 200,
    body: {
      metrics: { total_revenue: '5.00' },
      provenance: { generation: null, cut: null, published_at: null, deltas: [{ epoch: 0, last_offset: '3' }] },
    },
  });
});

test('each layer answers by itself, and without a row of its own it does not know the customer', async () => {
  const { get, shop } = await serve();
  await shop.publish(1, { ann: [orderOf('5.00')], bob: [orderOf('9.00')] });
  await shop.fold('ann', { epoch: 1, partition: 0, offset: 12n }, [orderOf('2.00', 'o2')]);
  const revenue = async (url: string) => {
    const { status, body } = await get(url);
    return status === 200 ? body : status;
  };
  expect(await revenue('/v1/customers/ann?layer=batch')).toMatchObject({
    metrics: { total_revenue: '5.00' },
    provenance: { deltas: [] },
  });
  expect(await revenue('/v1/customers/ann?layer=speed')).toMatchObject({ metrics: { total_revenue: '2.00' } });
  expect(await revenue('/v1/customers/ann?layer=merged')).toMatchObject({ metrics: { total_revenue: '7.00' } });
  expect(await revenue('/v1/customers/bob?layer=speed')).toBe(404);
});

test('a named generation answers by its own cut and lineage, forth and back, until it is below the floor', async () => {
  const { get, shop, expire } = await serve();
  await shop.publish(1, { ann: [orderOf('1.00')] }, { 0: 10n });
  await shop.fold('ann', { epoch: 1, partition: 0, offset: 12n }, [orderOf('2.00', 'o2')]);
  await shop.publish(2, { ann: [orderOf('1.00'), orderOf('2.00', 'o2')] }, { 0: 20n });
  const answer = (total_revenue: string, generation: number, cut: string) => ({
    status: 200,
    body: { metrics: { total_revenue }, provenance: { generation, cut: { partitions: { 0: cut } } } },
  });
  expect(await get('/v1/customers/ann?generation=1')).toMatchObject(answer('3.00', 1, '10'));
  expect(await get('/v1/customers/ann?generation=1&layer=batch')).toMatchObject(answer('1.00', 1, '10'));
  expect(await get('/v1/customers/ann?generation=2&layer=batch')).toMatchObject(answer('3.00', 2, '20'));
  expect(await get('/v1/customers/ann?generation=3')).toMatchObject({
    status: 404,
    body: { code: 'TIDEMARK_API_UNKNOWN_GENERATION' },
  });
  await shop.rollback(1);
  expire();
  expect(await get('/v1/customers/ann?layer=batch')).toMatchObject(answer('1.00', 1, '10'));
  expect(await get('/v1/customers/ann?generation=2&layer=batch')).toMatchObject(answer('3.00', 2, '20'));
  await shop.rollback(2);
  await shop.raiseFloor(2);
  expire();
  expect(await get('/v1/customers/ann?generation=1')).toMatchObject({
    status: 410,
    body: { code: 'TIDEMARK_API_GENERATION_GONE' },
  });
});

test.each(['kept', 'rejected', 'failed', 'abandoned', 'running'] as const)(
  'a generation that was %s, not published, is not known',
  async (status) => {
    const { get, shop } = await serve();
    await shop.publish(1, { ann: [orderOf('1.00')] });
    const run = shop.runs.get(1);
    if (run) shop.runs.set(2, { ...run, generation: 2, status });
    expect((await get('/v1/customers/ann?generation=2')).status).toBe(404);
  },
);

test('a generation of another definition is not known', async () => {
  const { get, shop } = await serve();
  await shop.publish(1, { ann: [orderOf('1.00')] });
  const run = shop.runs.get(1);
  if (run) shop.runs.set(2, { ...run, generation: 2, definition: 'f'.repeat(16) });
  expect((await get('/v1/customers/ann?generation=2')).status).toBe(404);
});

test('as_of moves the clock alone, at the earliest to 24 h before the barrier', async () => {
  const { get, shop, clock } = await serve();
  await shop.publish(1, { ann: [ticket('t1', 'low', '2024-05-10T00:00:00Z')] });
  const ticketsAt = async (query: string) => (await get(`/v1/customers/ann${query}`)).body;
  const earliest = BARRIER_AT_MS - DAY_MS;
  expect(await ticketsAt('')).toMatchObject({ metrics: { tickets_30d: 1 } });
  expect(await ticketsAt('?as_of=2024-06-20T00:00:00%2B02:00')).toMatchObject({
    metrics: { tickets_30d: 0, tickets_total: 1 },
    provenance: { as_of: '2024-06-19T22:00:00.000Z' },
  });
  expect(await ticketsAt(`?as_of=${formatTime(earliest)}`)).toMatchObject({
    provenance: { as_of: formatTime(earliest) },
  });
  expect(await get(`/v1/customers/ann?as_of=${formatTime(earliest - 1)}`)).toMatchObject({
    status: 400,
    body: { code: 'TIDEMARK_API_AS_OF_TOO_EARLY' },
  });
  // A clock that is years behind does not make the windows wrong.
  clock.set(0);
  expect(await ticketsAt('')).toMatchObject({ provenance: { as_of: formatTime(earliest) } });
});

test('an id of 256 bytes, of any characters, is read when it is percent-encoded', async () => {
  const { get, shop } = await serve();
  const ids = ['ü'.repeat(128), '%2F/?#&', 'a b', '😀', 'a:batchGet', '__proto__'];
  await shop.publish(1, Object.fromEntries(ids.map((id, at) => [id, [orderOf(`${at}.00`)]])));
  for (const id of ids) {
    expect(await get(`/v1/customers/${encodeURIComponent(id)}`)).toMatchObject({
      status: 200,
      body: { customer_id: id },
    });
  }
  expect((await get(`/v1/customers/${encodeURIComponent('ü'.repeat(129))}`)).status).toBe(400);
  expect((await get('/v1/customers/a%00b')).status).toBe(400);
});

test('many customers are answered in the order asked, of one moment, and the unknown are named', async () => {
  const { app, shop } = await serve();
  await shop.publish(1, { ann: [orderOf('1.00')], bob: [orderOf('2.00')] });
  await shop.fold('bob', { epoch: 1, partition: 0, offset: 12n }, [orderOf('2.00', 'o2')]);
  const batchGet = (body: unknown) =>
    app.inject({
      method: 'POST',
      url: '/v1/customers:batchGet',
      payload: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const response = await batchGet({ customer_ids: ['bob', 'zoe', 'ann', 'zoe', 'bob'] });
  expect(response.statusCode).toBe(200);
  const body = response.json();
  expect(Object.keys(body)).toEqual(['currency', 'customers', 'unknown', 'provenance']);
  expect(body.unknown).toEqual(['zoe']);
  expect(body.customers.map((each: { customer_id: string }) => each.customer_id)).toEqual(['bob', 'ann', 'bob']);
  expect(body.customers[0]).toMatchObject({ metrics: { total_revenue: '4.00' }, deltas: [{ last_offset: '12' }] });
  const many = Array.from({ length: 500 }, (_, at) => `${'ü'.repeat(120)}${at}`);
  expect((await batchGet({ customer_ids: many })).statusCode).toBe(200);
  expect((await batchGet({ customer_ids: [...many, 'one more'] })).statusCode).toBe(400);
  expect((await batchGet({ customer_ids: [] })).statusCode).toBe(400);
  expect((await batchGet({ customer_ids: ['ann'], more: 1 })).statusCode).toBe(400);
});
