import { compareUtf8 } from '@tidemark/contracts';
import { type ColumnValue, define, mergeView, rankScore, UNRANKED_SCORE } from '@tidemark/metrics';
import { Random } from '@tidemark/simulator';
import { openMemoryViews } from '@tidemark/views/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rank } from './ranking.ts';
import { DEFAULT_LIMITS } from './serving-context.ts';
import { type Body, NOW_MS, order, SampleShop, ticket } from './testing/sample-shop.ts';
import { serve } from './testing/served.ts';

const definition = define('USD');
const seed = Number(process.env.TIDEMARK_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Few different values, so that ties are common; days around the windows' edge. */
const bodies = fc.array(
  fc.oneof(
    fc.record({ amount: fc.integer({ min: 0, max: 3 }), day: fc.integer({ min: 1, max: 28 }) }),
    fc.record({ priority: fc.constantFrom('low', 'high'), day: fc.integer({ min: 0, max: 3 }) }),
  ),
  { maxLength: 4 },
);
type Drawn = typeof bodies extends fc.Arbitrary<infer T> ? T : never;

const customerIds = ['a', 'b', 'B', 'ü', '😀', '\uffee', 'c', 'd', 'e', 'f', 'g', 'h'];
const history = fc.record({
  batch: fc.dictionary(fc.constantFrom(...customerIds), bodies, { maxKeys: 12 }),
  deltas: fc.dictionary(fc.constantFrom(...customerIds), bodies, { maxKeys: 5 }),
  listLength: fc.integer({ min: 1, max: 6 }),
  sort: fc.constantFrom('total_revenue', 'tickets_30d', 'estimated_clv', 'last_order_date', 'open_tickets'),
  atRisk: fc.boolean(),
  laterHours: fc.integer({ min: 0, max: 200 }),
});

function events(prefix: string, drawn: Drawn): readonly Body[] {
  return drawn.map((each, at) =>
    'amount' in each
      ? order(`${prefix}${at}`, `${each.amount}.00`, `2024-02-${String(each.day).padStart(2, '0')}T00:00:00Z`)
      : ticket(`${prefix}${at}`, each.priority, `2024-05-0${each.day + 1}T13:00:00Z`),
  );
}

/** Every customer there is, read one by one and sorted: what a ranking must be, without any list. */
async function naiveOrder(shop: SampleShop, ids: readonly string[], sort: string, atRisk: boolean, asOfMs: number) {
  const entries: { customerId: string; score: bigint }[] = [];
  const pointer = await shop.views.pointer();
  const slice = pointer && { generation: pointer.generation, cutPartitions: new Set(pointer.cut.partitions.keys()) };
  for (const { customerId, batch, deltas } of await shop.views.read(ids, pointer, slice)) {
    const states: (readonly ColumnValue[])[] = deltas.map(({ state }) => state);
    if (batch?.state) states.push(batch.state);
    if (states.length === 0) continue;
    if (atRisk && mergeView(definition, states, asOfMs).metrics.at_risk !== true) continue;
    const { score } = rankScore(definition, states, sort, asOfMs);
    if (score !== null || atRisk) entries.push({ customerId, score: score ?? UNRANKED_SCORE });
  }
  return entries.sort((a, b) =>
    a.score === b.score ? compareUtf8(a.customerId, b.customerId) : a.score < b.score ? 1 : -1,
  );
}

test(`a ranking is the naive order down to the depth it promises (seed ${seed})`, async () => {
  const seen = { truncated: 0, exact: 0, ties: 0 };
  await fc.assert(
    fc.asyncProperty(history, async ({ batch, deltas, listLength, sort, atRisk, laterHours }) => {
      const shop = new SampleShop(definition, await openMemoryViews().open(definition), listLength);
      await shop.publish(1, Object.fromEntries(Object.entries(batch).map(([id, drawn]) => [id, events(id, drawn)])));
      for (const [at, [id, drawn]] of Object.entries(deltas).entries()) {
        const place = { epoch: 1, partition: 0, offset: BigInt(100 + at * 10) };
        if (drawn.length > 0) await shop.fold(id, place, events(`${id}+`, drawn));
      }
      const pointer = await shop.views.pointer();
      if (!pointer) throw new Error('nothing was published');
      const asOfMs = NOW_MS + laterHours * 3_600_000;
      const slice = { generation: 1, cutPartitions: new Set([0]) };
      const pin = { ...pointer, lineage: pointer, slice, cut: null, publishedAt: null, fetchedAtMs: 0 };
      const source = { definition, views: shop.views, limits: { requestsPerMinute: 0, rankedTouched: 100 } };
      const ranking = await rank(source, pin, { sort, atRisk }, asOfMs, listLength);
      const expected = await naiveOrder(shop, customerIds, sort, atRisk, asOfMs);
      const depth = ranking.exactToDepth ?? expected.length;
      const places = ranking.customers.map(({ customerId, score }) => ({ customerId, score }));
      expect(places.slice(0, depth)).toEqual(expected.slice(0, depth));
      if (ranking.exactToDepth === null) expect(places).toEqual(expected);
      if (ranking.exactToDepth !== null && depth < expected.length) seen.truncated++;
      if (depth > 1) seen.exact++;
      if (places.some((entry, at) => entry.score === places[at + 1]?.score)) seen.ties++;
    }),
    { seed, numRuns: 100 },
  );
  expect(seen.truncated).toBeGreaterThan(0);
  expect(seen.exact).toBeGreaterThan(0);
  expect(seen.ties).toBeGreaterThan(0);
});

test('a tenth of 12,000 customers touched since leaves a depth of a thousand and more', async () => {
  const random = Random.fromSeed(seed);
  const day = () => `2024-05-${random.between(10, 31)}T00:00:00Z`;
  const some = (prefix: string): readonly Body[] => [
    order(`${prefix}o`, `${random.between(1, 90_000)}.00`, `2024-0${random.between(1, 5)}-01T00:00:00Z`),
    ...Array.from({ length: random.between(0, 4) }, (_, nth) => ticket(`${prefix}t${nth}`, 'high', day())),
  ];
  const ids = Array.from({ length: 12_000 }, (_, nth) => `c${nth}`);
  const shop = new SampleShop(definition, await openMemoryViews().open(definition));
  const pointer = await shop.publish(1, Object.fromEntries(ids.map((id) => [id, some(id)])));
  for (let nth = 0; nth < ids.length; nth += 10) {
    const touched = ids[nth + random.between(0, 9)] ?? '';
    await shop.fold(touched, { epoch: 1, partition: 0, offset: BigInt(100 + nth) }, some(`${touched}+`));
  }
  const slice = { generation: 1, cutPartitions: new Set([0]) };
  const pin = { ...pointer, lineage: pointer, slice, cut: null, publishedAt: null, fetchedAtMs: 0 };
  const source = { definition, views: shop.views, limits: DEFAULT_LIMITS };
  for (const sort of ['estimated_clv', 'tickets_30d', 'last_order_date']) {
    for (const atRisk of [false, true]) {
      const { customers, exactToDepth } = await rank(source, pin, { sort, atRisk }, NOW_MS);
      const expected = await naiveOrder(shop, ids, sort, atRisk, NOW_MS);
      const depth = exactToDepth ?? expected.length;
      expect(depth, sort).toBeGreaterThanOrEqual(Math.min(1_000, expected.length));
      const places = customers.slice(0, depth).map(({ customerId, score }) => ({ customerId, score }));
      expect(places, `${sort} ${atRisk} (seed ${seed})`).toEqual(expected.slice(0, depth));
    }
  }
});

test('customers at risk have a list for each order', async () => {
  const day = '2024-05-20T00:00:00Z';
  const atRisk = (id: string, amount: string) => [
    order(`o${id}`, amount, '2024-02-01T00:00:00Z'),
    ticket(`t${id}`, 'high', day),
    ticket(`u${id}`, 'high', day),
  ];
  const shop = new SampleShop(definition, await openMemoryViews().open(definition), 2);
  const pointer = await shop.publish(1, { a: atRisk('a', '3.00'), b: atRisk('b', '2.00'), c: atRisk('c', '1.00') });
  const slice = { generation: 1, cutPartitions: new Set([0]) };
  const pin = { ...pointer, lineage: pointer, slice, cut: null, publishedAt: null, fetchedAtMs: 0 };
  const source = { definition, views: shop.views, limits: { requestsPerMinute: 0, rankedTouched: 100 } };
  const depth = async (sort: string, listLength: number) =>
    (await rank(source, pin, { sort, atRisk: true }, NOW_MS, listLength)).exactToDepth;
  expect(await depth('estimated_clv', 2)).toBe(2);
  expect(await depth('tickets_total', 2)).toBe(2);
  expect(await depth('tickets_total', 4)).toBeNull();
});

test('pages follow one another without a gap or a repeat, though the clock goes on', async () => {
  const { get, shop, clock } = await serve();
  const ids = Array.from({ length: 23 }, (_, at) => `c${at}`);
  await shop.publish(
    1,
    Object.fromEntries(ids.map((id, at) => [id, [ticket(`t${at}`, 'low', `2024-05-${10 + (at % 7)}T00:00:00Z`)]])),
  );
  const found: string[] = [];
  let query = '';
  for (;;) {
    const { body } = await get(`/v1/customers?sort=tickets_30d&limit=5${query}`);
    const page = body as { customers: { customer_id: string }[]; next_cursor: string | null; exact_to_depth: unknown };
    expect(page.exact_to_depth).toBeNull();
    found.push(...page.customers.map(({ customer_id }) => customer_id));
    if (page.next_cursor === null) break;
    query = `&cursor=${page.next_cursor}`;
    clock.advance(2 * 86_400_000);
  }
  expect(found).toEqual(ids.toSorted(compareUtf8));
});

test('with more touched customers than are merged, no depth is promised', async () => {
  const { get, shop } = await serve({ over: () => ({ limits: { requestsPerMinute: 0, rankedTouched: 1 } }) });
  await shop.publish(1, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  await shop.fold('ann', { epoch: 1, partition: 0, offset: 12n }, [order('o2', '1.00', '2024-01-01T00:00:00Z')]);
  expect(await get('/v1/customers')).toMatchObject({ body: { exact_to_depth: null } });
  await shop.fold('bob', { epoch: 1, partition: 0, offset: 13n }, [order('o3', '1.00', '2024-01-01T00:00:00Z')]);
  expect(await get('/v1/customers')).toMatchObject({ body: { exact_to_depth: 0 } });
});

test('a cursor holds its generation, and is gone when that is below the floor', async () => {
  const { get, shop, expire } = await serve();
  const three = { a: [order('1', '3.00', '2024-01-01T00:00:00Z')], b: [order('2', '2.00', '2024-01-01T00:00:00Z')] };
  await shop.publish(1, three);
  const { body } = await get('/v1/customers?sort=total_revenue&limit=1');
  const cursor = (body as { next_cursor: string }).next_cursor;
  await shop.publish(2, { a: null, b: null });
  expire();
  expect(await get(`/v1/customers?sort=total_revenue&cursor=${cursor}`)).toMatchObject({
    status: 200,
    body: { customers: [{ customer_id: 'b' }], provenance: { generation: 1 }, next_cursor: null },
  });
  await shop.raiseFloor(2);
  expire();
  expect((await get(`/v1/customers?sort=total_revenue&cursor=${cursor}`)).status).toBe(410);
});

test('a cursor of another query, or none of ours, is refused', async () => {
  const { get, shop } = await serve();
  await shop.publish(1, {
    a: [order('1', '3.00', '2024-01-01T00:00:00Z')],
    b: [order('2', '2.00', '2024-01-01T00:00:00Z')],
  });
  const { body } = await get('/v1/customers?sort=total_revenue&limit=1');
  const cursor = (body as { next_cursor: string }).next_cursor;
  const refused = { status: 400, body: { code: 'TIDEMARK_API_INVALID_CURSOR' } };
  expect(await get(`/v1/customers?sort=order_count&cursor=${cursor}`)).toMatchObject(refused);
  expect(await get(`/v1/customers?sort=total_revenue&at_risk=true&cursor=${cursor}`)).toMatchObject(refused);
  for (const bad of ['x', 'e30', Buffer.from('null').toString('base64url'), 'x'.repeat(5000)])
    expect(await get(`/v1/customers?sort=total_revenue&cursor=${bad}`)).toMatchObject(refused);
});
