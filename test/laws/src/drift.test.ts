import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { measureDrift, type Progress, runBatch } from '@tidemark/batch-layer';
import type { Drift, DriftEvent } from '@tidemark/catalog';
import { openSession, type Session } from '@tidemark/duckdb';
import { type FreshDatabase, freshDatabase } from '@tidemark/embedded-postgres/testing';
import type { Engine } from '@tidemark/engine';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { type DriftCause, define } from '@tidemark/metrics';
import { Random } from '@tidemark/simulator';
import { pinned } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { CleanShop } from './clean-shop.ts';
import { driftLaw } from './drift-law.ts';
import { SpeedWorkers } from './speed-workers.ts';
import { bound, DEFINITION, Killed, onPostgres, scratch, World } from './world.ts';

const SEED = Number(process.env.TIDEMARK_SEED ?? Math.floor(Date.now() / 1000) % 1_000_000);
console.log(`drift: TIDEMARK_SEED=${SEED}`);

/** Days of the clean history: each ends with a generation. */
const ROUNDS = 8;

let folder: string;
let session: Session;
let engine: Engine;
let database: FreshDatabase;
let world: World;
let shop: CleanShop;

beforeAll(async () => {
  folder = await mkdtemp(join(scratch, 'tidemark-drift-'));
  const options = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
  session = await openSession(options);
  engine = openDuckDbEngine(options);
});

afterAll(async () => {
  await engine.close();
  session.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  database = await freshDatabase();
  world = await World.open(Random.fromSeed(SEED), onPostgres(database.url), engine, session);
  if ((await world.log.partitions()).length === 1) await world.log.grow(2);
  shop = new CleanShop(world);
  await shop.open();
  await world.settle();
});

afterEach(async () => {
  await world.close();
  await database.drop();
});

/**
 * A generation over everything so far; its drift, which the next run measures, since nobody folds while a run goes on
 * here. What happens meanwhile stands behind the cut and is none of it.
 */
async function nextDrift(): Promise<Drift> {
  await world.workers.settle();
  await world.settle();
  const generation = (await world.views.pointer())?.generation ?? 0;
  await shop.day();
  await world.settle();
  const drift = await world.catalog.drift(generation);
  if (drift?.status !== 'measured') throw new Error(`generation ${generation}: ${drift?.reason ?? 'no drift'}`);
  return drift;
}

/** Metric → cause, figures and the customers named, of a drift in which each metric has one cause. */
const found = (drift: Drift) =>
  new Map(
    drift.metrics.map(({ metric, causes: [only, ...others], customers, total, largest }) => {
      expect(others, metric).toEqual([]);
      return [
        metric,
        { cause: only?.cause, customers, total, largest, of: only?.examples.map(({ customer_id }) => customer_id) },
      ];
    }),
  );

const causes = (drift: Drift): readonly string[] => Object.keys(drift.causes).sort();

const eventsBehind = (drift: Drift, metric: string): readonly DriftEvent[] =>
  drift.metrics.find((one) => one.metric === metric)?.causes[0]?.examples[0]?.events ?? [];

it('is nothing in a history without repeats, contradictions or extremes taken back', async () => {
  let compared = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await shop.day();
    if (world.random.chance(0.5)) await world.halfBarrier();
    if (round === 2) await world.log.grow((await world.log.partitions()).length + 1);
    const drift = await nextDrift();
    expect(drift).toMatchObject({ differing: 0, causes: {}, metrics: [] });
    compared += drift.compared;
  }
  expect(compared).toBeGreaterThan(0);
});

type Injected = {
  readonly cause: DriftCause;
  readonly what: string;
  /** Answers the ids of the events that must be named. */
  readonly inject: () => Promise<readonly string[]>;
  readonly revenue: string | null;
  readonly orders: string | null;
};

const injected: readonly Injected[] = [
  {
    cause: 'repeat',
    what: 'an event that is older than the window',
    revenue: '-10.00',
    orders: '-1',
    inject: async () => {
      const event = shop.placed('c-1', 'o-again', '10.00');
      await world.send('c-1', event);
      for (let epoch = 0; epoch < 3; epoch++) {
        await shop.day();
        await world.settle();
      }
      await world.send('c-1', event);
      return [event.event_id];
    },
  },
  {
    cause: 'repeat',
    what: 'an event in another partition',
    revenue: '-10.00',
    orders: '-1',
    inject: async () => {
      const event = shop.placed('c-1', 'o-again', '10.00');
      await world.send('c-1', event, { partition: 0 });
      await world.send('c-1', event, { partition: 1 });
      return [event.event_id];
    },
  },
  {
    cause: 'repeat',
    what: 'an event that was imported',
    revenue: '-10.00',
    orders: '-1',
    inject: async () => {
      const event = shop.placed('c-1', 'o-again', '10.00');
      await shop.import([event]);
      await world.settle();
      await world.send('c-1', event);
      return [event.event_id];
    },
  },
  {
    cause: 'placed or cancelled twice',
    what: 'an order placed under two event ids',
    revenue: '-10.00',
    orders: '-1',
    inject: async () => {
      await world.send('c-1', shop.placed('c-1', 'o-twice', '10.00'));
      const second = shop.placed('c-1', 'o-twice', '10.00');
      await world.send('c-1', second);
      return [second.event_id];
    },
  },
  {
    cause: 'placed or cancelled twice',
    what: 'an order cancelled under two event ids',
    revenue: '10.00',
    orders: '1',
    inject: async () => {
      await world.send('c-1', shop.placed('c-1', 'o-twice', '10.00'));
      await world.send('c-1', shop.cancelled('c-1', 'o-twice', '10.00'));
      const second = shop.cancelled('c-1', 'o-twice', '10.00');
      await world.send('c-1', second);
      return [second.event_id];
    },
  },
  {
    cause: 'changed from something else',
    what: 'a change whose before is not what is held',
    revenue: '3.00',
    orders: null,
    inject: async () => {
      await world.send('c-1', shop.placed('c-1', 'o-changed', '10.00'));
      const change = shop.changed('c-1', 'o-changed', '13.00', '20.00');
      await world.send('c-1', change);
      return [change.event_id];
    },
  },
  {
    cause: 'retraction ahead of its row',
    what: 'a change of an order that nobody placed',
    revenue: '10.00',
    orders: '1',
    inject: async () => {
      const change = shop.changed('c-1', 'o-unknown', '10.00', '20.00');
      await world.send('c-1', change);
      return [change.event_id];
    },
  },
  {
    cause: 'import',
    what: 'an import counted between the cuts',
    revenue: '10.00',
    orders: '1',
    inject: async () => {
      const event = shop.placed('c-1', 'o-imported', '10.00');
      await shop.import([event]);
      return [event.event_id];
    },
  },
];

it.each(injected)('is $cause for $what, and nothing else', async ({ cause, inject, revenue, orders }) => {
  await shop.day();
  const events = await inject();
  const drift = await nextDrift();
  expect(causes(drift)).toEqual([cause]);
  expect(drift.differing).toBe(1);
  const metrics = found(drift);
  const expected = (total: string) => ({ cause, customers: 1, total, largest: total, of: ['c-1'] });
  expect(metrics.get('total_revenue')).toEqual(revenue === null ? undefined : expected(revenue));
  expect(metrics.get('order_count')).toEqual(orders === null ? undefined : expected(orders));
  expect(eventsBehind(drift, 'total_revenue').map(({ event_id }) => event_id)).toEqual(events);
  expect((await nextDrift()).metrics).toEqual([]);
});

it('is the retraction of an extreme where the latest order is cancelled, and of no sum', async () => {
  await shop.day();
  const late = { order_date: '2026-07-01T00:00:00Z' };
  await world.send('c-1', { ...shop.placed('c-1', 'o-last', '10.00'), ...late });
  await world.settle();
  const cancel = { ...shop.cancelled('c-1', 'o-last', '10.00'), ...late };
  await world.send('c-1', cancel);
  const drift = await nextDrift();
  expect(causes(drift)).toEqual(['retraction of an extreme']);
  expect([...found(drift).keys()]).toEqual([
    'last_order_date',
    'days_since_last_order',
    'customer_lifetime_days',
    'estimated_clv',
  ]);
  expect(found(drift).get('last_order_date')).toMatchObject({ total: null, largest: null });
  expect(eventsBehind(drift, 'last_order_date')).toEqual([
    expect.objectContaining({ event_id: cancel.event_id, kind: 'cancelled', key: 'o-last' }),
  ]);
});

it('is lost where a delta is missing, and where one is wrong', async () => {
  for (const damage of ['missing', 'wrong'] as const) {
    const event = shop.placed('c-1', `o-${damage}`, '10.00');
    await world.send('c-1', event);
    await world.workers.settle();
    const { lineage, slice } = pinned(await world.views.pointer());
    const [rows] = await world.views.read(['c-1'], lineage, slice);
    for (const delta of rows?.deltas ?? []) {
      await world.views.deleteDeltas([delta], delta.lastOffset + 1n);
      if (damage === 'missing') continue;
      const at = DEFINITION.columns.findIndex(({ name }) => name === 'total_revenue');
      const state = delta.state.map((value, index) => (index === at && typeof value === 'bigint' ? value + 5n : value));
      await world.views.writeTouched([delta]);
      await world.views.writeDeltas([{ ...delta, state }]);
    }
    const drift = await nextDrift();
    expect(causes(drift), damage).toEqual(['lost']);
    expect(found(drift).get('total_revenue')).toEqual({
      cause: 'lost',
      customers: 1,
      total: damage === 'missing' ? '10.00' : '-0.05',
      largest: damage === 'missing' ? '10.00' : '-0.05',
      of: ['c-1'],
    });
    expect(eventsBehind(drift, 'total_revenue').map(({ event_id }) => event_id)).toEqual([event.event_id]);
  }
});

it('has each cause of several at once, by customer and metric', async () => {
  await shop.day();
  await world.send('c-1', shop.placed('c-1', 'o-twice', '1.00'));
  await world.send('c-1', shop.placed('c-1', 'o-twice', '2.00'));
  await world.send('c-2', shop.placed('c-2', 'o-twice', '1.00'));
  await world.send('c-2', shop.placed('c-2', 'o-twice', '5.00'));
  await shop.import([shop.placed('c-ü', 'o-imported', '4.00')]);
  const drift = await nextDrift();
  expect(drift).toMatchObject({ differing: 3, causes: { 'placed or cancelled twice': 2, import: 1 } });
  const revenue = drift.metrics.find(({ metric }) => metric === 'total_revenue');
  expect(revenue).toMatchObject({ customers: 3, total: '-3.00', largest: '-5.00' });
  expect(revenue?.causes.map(({ cause, customers, total }) => [cause, customers, total])).toEqual([
    ['placed or cancelled twice', 2, '-7.00'],
    ['import', 1, '4.00'],
  ]);
});

it('is never the end of a run, and measured by the next one when its own could not or was killed', async () => {
  const event = shop.placed('c-1', 'o-twice', '10.00');
  await world.send('c-1', event);
  await world.send('c-1', { ...event, event_id: 'under-another-id' });
  const { context, views, catalog } = world;
  const level = {
    ...bound(views),
    positions: async () => {
      await world.workers.settle();
      return views.positions();
    },
  };
  const away = () => {
    throw new Error('the view store is away');
  };
  const broken = { ...level, touched: away };
  const failing = await runBatch({ ...context, views: broken });
  expect(failing).toMatchObject({
    status: 'published',
    drifts: [{}, { status: 'not measured', reason: 'the view store is away' }],
  });
  expect(await catalog.drift(failing.generation)).toMatchObject({ status: 'not measured', metrics: [] });

  const dies = ({ step }: Progress) => {
    if (step === 'drift') throw new Killed();
  };
  await expect(runBatch({ ...context, views: level, progress: dies })).rejects.toThrow(Killed);
  const measured = { status: 'measured', differing: 1, causes: { 'placed or cancelled twice': 1 } };
  expect(await catalog.drift(failing.generation)).toMatchObject(measured);

  const killed = (await views.pointer())?.generation ?? 0;
  expect(killed).toBeGreaterThan(failing.generation);
  expect(await catalog.drift(killed)).toBeNull();
  const last = await runBatch({ ...context, views: level });
  expect(last.drifts).toMatchObject([
    { generation: killed, status: 'measured', differing: 0 },
    { generation: last.generation, status: 'measured', differing: 0 },
  ]);
});

it('has nothing, in a first generation, of customers that an import alone brought: nobody was answered about them', async () => {
  const own = await freshDatabase();
  const empty = await World.open(Random.fromSeed(SEED), onPostgres(own.url), engine, session);
  try {
    const first = new CleanShop(empty);
    await first.import([first.placed('c-1', 'o-1', '4.00'), first.placed('c-2', 'o-2', '4.00')]);
    await empty.send('c-2', first.placed('c-2', 'o-3', '5.00'));
    await empty.settle();
    expect(await driftLaw(empty)).toBeGreaterThan(0);
    const drift = await measureDrift(empty.context, (await empty.views.pointer())?.generation ?? 0, 0);
    expect(drift).toMatchObject({ base: null, compared: 1, differing: 1, causes: { import: 1 } });
  } finally {
    await empty.close();
    await own.drop();
  }
});

it("is the definition's change in its first generation beside another's", async () => {
  const euros = define('EUR');
  const store = await openViews(database.url);
  try {
    const views = await store.open(euros);
    // The new definition's processes begin at the cut that is live.
    for (const [partition, position] of await world.views.positions()) await views.writePosition(partition, position);
    const workers = new SpeedWorkers(world.random, world.log, views, euros);
    await world.send('c-1', shop.placed('c-1', 'o-new', '10.00'));
    const context = { ...world.context, definition: euros, store, views };
    const { generation } = await runBatch(context);
    await workers.settle();
    await runBatch(context);
    const drift = await world.catalog.drift(generation);
    expect(drift).toMatchObject({ status: 'measured', base: null, compared: 1, causes: { 'definition change': 1 } });
  } finally {
    await store.close();
  }
});
