import { existsSync } from 'node:fs';
import { speedLayerGroup } from '@tidemark/log';
import { define } from '@tidemark/metrics';
import type { Position, Serving } from '@tidemark/views';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dropDefinition, runBatch } from './index.ts';
import { openSmallSystem, type SmallSystem } from './testing/small-system.ts';

let system: SmallSystem;

beforeEach(async () => {
  system = await openSmallSystem();
});

afterEach(() => system.close());

const BEFORE = 'feedfacefeedface';
const FILLING = 'f111f111f111f111';
const HOUR_MS = 3_600_000;

const run = async (): Promise<void> => {
  system.clock.advance(60_000);
  expect(await runBatch(system.context)).toMatchObject({ status: 'published' });
};

/** The system's own definition is served since now, `BEFORE` was; a third one is being filled. */
async function switched(): Promise<Serving> {
  const { store, definition, clock } = system.context;
  for (const id of [BEFORE, FILLING]) await store.open({ id, columns: definition.columns });
  const row = { serving: definition.id, previous: BEFORE, untilMs: clock.now() + HOUR_MS };
  expect(await store.compareAndSetServing(await store.serving(), row)).toBe(true);
  return row;
}

const definitions = () => system.context.store.definitions();

/** A speed layer of the definition; answers how to stop it. */
async function keepUp(definition: string): Promise<() => Promise<void>> {
  const { log } = system.context;
  const handler = { assigned: async () => 0n, records: async () => {}, revoked: async () => {} };
  const consumer = await log.consume(speedLayerGroup(definition), handler);
  await expect.poll(() => log.members(speedLayerGroup(definition)), { timeout: 20_000 }).toBe(1);
  return () => consumer.stop();
}

it('removes the definition before when its time is over and nobody keeps it up, and nothing else', async () => {
  await run();
  const row = await switched();
  const { store, definition } = system.context;
  const all = [BEFORE, FILLING, definition.id].toSorted();
  await run();
  expect(await definitions()).toEqual(all);

  system.clock.advance(HOUR_MS);
  const stop = await keepUp(BEFORE);
  await run();
  expect(await definitions()).toEqual(all);
  expect(await store.serving()).toEqual(row);
  await stop();
  await run();
  expect(await definitions()).toEqual([FILLING, definition.id].toSorted());
  expect(await store.serving()).toEqual({ serving: definition.id, previous: null, untilMs: null });
  const [newest] = await system.context.catalog.runs({ limit: 1 });
  expect(newest?.steps.find(({ name }) => name === 'clean')?.counts).toMatchObject({ retired: BEFORE });
});

it('goes on with a removal that was cut short', async () => {
  await run();
  const row = await switched();
  const { store, definition } = system.context;
  const closed = { ...row, untilMs: 0 };
  await store.compareAndSetServing(row, closed);
  await store.drop(BEFORE);
  await run();
  expect(await store.serving()).toEqual({ serving: definition.id, previous: null, untilMs: null });
});

it('removes the rows of sources that no definition has any more, and not while one may have them', async () => {
  const { store, lake, definition } = system.context;
  await system.place('a', 'a-1', '1.00');
  await run();
  await store.open({ id: FILLING, columns: definition.columns });
  const [newest] = await system.context.catalog.runs({ limit: 1 });
  const cut = { partitions: newest?.cut ?? new Map(), imports: 0 };
  const rows = async (currency: string) => (await lake.rowFiles(define(currency), cut)).get('orders')?.[0]?.location;
  const [own, others] = [await rows('USD'), await rows('EUR')];
  await run();
  expect([own, others].map((location) => existsSync(location ?? ''))).toEqual([true, true]);
  await dropDefinition(system.context, FILLING);
  await run();
  expect([own, others].map((location) => existsSync(location ?? ''))).toEqual([true, false]);
});

it('a run of a definition that is not the one served neither takes its place nor removes anything', async () => {
  await run();
  const { store, definition, clock } = system.context;
  const before = await switched();
  // It was switched from long ago; what came before is its previous still.
  const row = { serving: FILLING, previous: BEFORE, untilMs: clock.now() - HOUR_MS };
  await store.compareAndSetServing(before, row);
  for (let runs = 0; runs < 3; runs++) await run();
  expect(await store.serving()).toEqual(row);
  expect(await definitions()).toEqual([BEFORE, FILLING, definition.id].toSorted());
});

it('drops by hand what is neither served nor kept up', async () => {
  await run();
  const { definition, store } = system.context;
  await switched();
  const drop = (id: string) => dropDefinition(system.context, id);
  await expect(drop(definition.id)).rejects.toMatchObject({ code: 'TIDEMARK_DEFINITION_IN_USE' });
  await expect(drop('0123')).rejects.toMatchObject({ code: 'TIDEMARK_DEFINITION_UNKNOWN' });
  const stop = await keepUp(FILLING);
  await expect(drop(FILLING)).rejects.toMatchObject({ code: 'TIDEMARK_DEFINITION_IN_USE', retryable: true });
  await stop();
  await drop(FILLING);
  await drop(BEFORE);
  expect(await definitions()).toEqual([definition.id]);
  expect(await store.serving()).toEqual({ serving: definition.id, previous: null, untilMs: null });
});

it('the log is kept for every definition that has tables, and no longer', async () => {
  const { log, store, definition, views } = system.context;
  const logId = await log.identity();
  const folded = (offset: bigint): Position => ({ offset, epoch: 0, previousEpoch: null, fingerprint: 'x', logId });
  const starts = async () => [...(await log.bounds()).values()].map(({ start }) => start);
  const grow = async () => {
    for (const order of ['a', 'b', 'c', 'd']) await system.place(order, `${order}-${system.clock.now()}`, '1.00');
    for (const [partition, { end }] of await log.bounds()) await views.writePosition(partition, folded(end - 1n));
    await run();
  };
  await grow();
  const ends = new Map([...(await log.bounds())].map(([partition, { end }]) => [partition, end]));
  const filling = await store.open({ id: FILLING, columns: definition.columns });
  for (const [partition, end] of ends) await filling.writePosition(partition, folded(end - 1n));
  for (let runs = 0; runs < 5; runs++) await grow();
  expect(await starts()).toEqual([...ends.values()].map((end) => end - 1n));

  // A definition with a generation may be filled again from the epoch before its floor.
  const pointer = await views.pointer();
  if (!pointer) throw new Error('nothing is published');
  await filling.compareAndSetPointer(null, pointer);
  for (const [partition, { end }] of await log.bounds()) await filling.writePosition(partition, folded(end - 1n));
  const kept = (await system.context.lake.ranges()).flatMap(({ barriers, partition }) =>
    barriers.filter(({ generation }) => generation === pointer.floor - 1).map(({ offset }) => [partition, offset]),
  );
  for (let runs = 0; runs < 4; runs++) await grow();
  expect([...(await log.bounds())].map(([partition, { start }]) => [partition, start])).toEqual(kept);

  await dropDefinition(system.context, FILLING);
  await grow();
  for (const [partition, start] of kept)
    expect((await log.bounds()).get(Number(partition))?.start).toBeGreaterThan(start ?? 0n);
});
