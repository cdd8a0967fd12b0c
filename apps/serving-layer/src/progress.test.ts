import { expect, test } from 'vitest';
import { NOW_MS, order } from './testing/sample-shop.ts';
import { type SampleLog, type Served, serve } from './testing/served.ts';

const staleness = async ({ get, expire }: Served): Promise<unknown> => {
  expire();
  return (await get('/v1/customers/ann')).body;
};
const answer = (staleness_ms: number | null) => ({ provenance: { staleness_ms } });

async function servedAnn(over: Partial<SampleLog> = {}): Promise<Served> {
  const served = await serve({ over: () => (Object.keys(over).length > 0 ? { log: { ...failing, ...over } } : {}) });
  await served.shop.publish(1, {});
  await served.shop.fold('ann', { epoch: 1, partition: 0, offset: 11n }, [order('o1', '1.00', '2024-01-01T00:00:00Z')]);
  return served;
}

const failing: Pick<SampleLog, 'bounds' | 'read'> = {
  bounds: async () => {
    throw new Error('the log is down');
  },
  read: async () => {
    throw new Error('the log is down');
  },
};

test('staleness is the age of the oldest record not yet folded, of all partitions, and 0 when level', async () => {
  const served = await servedAnn();
  const { log, clock } = served;
  log.recordAtMs = NOW_MS - 2500;
  log.bounds_.set(0, { start: 0n, end: 12n });
  expect(await staleness(served)).toMatchObject(answer(0));
  log.bounds_.set(0, { start: 0n, end: 13n });
  expect(await staleness(served)).toMatchObject(answer(2500));
  clock.advance(100);
  expect(await staleness(served)).toMatchObject(answer(2600));
  // The record's time is in the log's clock, which may be ahead of ours.
  clock.set(0);
  expect(await staleness(served)).toMatchObject(answer(0));
});

test('a partition that nothing was folded of counts from its first record kept', async () => {
  const served = await servedAnn();
  served.log.bounds_.set(3, { start: 5n, end: 5n });
  expect(await staleness(served)).toMatchObject(answer(0));
  served.log.recordAtMs = NOW_MS - 700;
  served.log.bounds_.set(3, { start: 5n, end: 6n });
  expect(await staleness(served)).toMatchObject(answer(700));
});

test('without the log the answer is whole and its staleness unknown', async () => {
  expect(await staleness(await servedAnn({ ...failing }))).toMatchObject(answer(null));
});

test('a log that hangs is asked once, and holds no answer up for long', async () => {
  let asked = 0;
  const bounds = () => {
    asked++;
    return new Promise<never>(() => {});
  };
  const served = await servedAnn({ bounds });
  for (let request = 0; request < 3; request++) expect(await staleness(served)).toMatchObject(answer(null));
  expect(asked).toBe(1);
});
