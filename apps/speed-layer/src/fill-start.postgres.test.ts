import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { barrierRecord, type EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { define, mergeView } from '@tidemark/metrics';
import { systemClock } from '@tidemark/runtime';
import type { LivePointer, ViewStore } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { fillFrom, fillOffset } from './fill-start.ts';
import { SpeedLayer } from './index.ts';

const definition = define('USD');
const SERVED = 'feedfacefeedface';
const text = new TextEncoder();

let log: EventLog;
let store: ViewStore;

beforeEach(async () => {
  const { url } = await freshDatabase();
  log = await openLog(url, { partitions: 1 });
  onTestFinished(() => log.close());
  store = openMemoryViews();
});

const order = (number: number) => ({
  key: text.encode('anna'),
  value: text.encode(
    JSON.stringify({
      event_id: `e-${number}`,
      event_type: 'order_placed',
      customer_id: 'anna',
      occurred_at: '2026-03-04T05:06:07Z',
      order_id: `o-${number}`,
      total_amount: '10.00',
    }),
  ),
});

const noEvent = { key: text.encode('anna'), value: text.encode('{') };

const append = async (...records: ReturnType<typeof order>[]): Promise<void> => void (await log.append(records));

/** Appends a barrier; answers where it stands. */
async function barrier(generation: number): Promise<bigint> {
  const [place] = await log.append([barrierRecord(generation, Date.UTC(2026, 2, 4), 0)]);
  if (!place) throw new Error('a barrier was not appended');
  return place.offset;
}

const pointer = async (generation: number, cut: bigint): Promise<LivePointer> => ({
  generation,
  floor: generation,
  excluded: [],
  logId: await log.identity(),
  cut: { partitions: new Map([[0, cut]]), imports: 0 },
  barrierAtMs: 0,
  publishing: 'on',
  publishedAtMs: 0,
});

async function serve(live: LivePointer): Promise<void> {
  await (await store.open({ id: SERVED, columns: definition.columns })).compareAndSetPointer(null, live);
  await store.compareAndSetServing(null, { serving: SERVED, previous: null, untilMs: null });
}

it('fills a new definition from the cut of the one served, and knows the repeats of the epoch before', async () => {
  await append(order(1), noEvent);
  await barrier(5);
  await append(order(2));
  const cut = await barrier(7);
  // Of the epoch before the cut, of that before it, and a new one.
  await append(order(2), order(1), order(3));
  await serve(await pointer(7, cut));
  const views = await store.open(definition);
  const layer = new SpeedLayer({
    log,
    views,
    definition,
    fillFrom: () => fillFrom(store, views, definition.id),
    clock: systemClock,
    gatherMs: 50,
    stateCache: 10,
  });
  const consumer = await layer.start();
  onTestFinished(() => consumer.stop());
  await vi.waitFor(async () => expect((await views.positions()).get(0)?.offset).toBe(7n), { timeout: 20_000 });
  const epochs = [0, 5, 7].map((epoch) => ({ customerId: 'anna', epoch, partition: 0 }));
  const rows = await views.loadDeltas(epochs);
  expect(rows.map(({ epoch }) => epoch)).toEqual([5, 7]);
  const counted = rows.filter(({ epoch }) => epoch === 7).map(({ state }) => state);
  // What is no event is kept of all that the log has.
  expect(await views.deadLetters({ after: null, limit: 10 })).toMatchObject([{ offset: 1n }]);
  // The window is an epoch and the one before: what came two epochs before is new to it, as to every speed layer.
  expect(mergeView(definition, counted, 0).metrics.total_revenue).toBe('20.00');
});

it('begins with the epoch before the live one, by the sequence that the partition has', async () => {
  await barrier(3);
  await append(order(1));
  const second = await barrier(6);
  // A run that had died appends its barrier late: it is ignored.
  await barrier(4);
  await append(order(2));
  const cut = await barrier(9);
  const views = await store.open(definition);
  const from = async () => fillOffset(log, 0, await fillFrom(store, views, definition.id));
  expect(await from()).toBe(0n);
  const live = await pointer(9, cut);
  await serve(live);
  expect(await from()).toBe(second);
  // A partition that came later, of which the cut has nothing.
  expect(await fillOffset(log, 0, { ...live, cut: { partitions: new Map(), imports: 0 } })).toBe(0n);
  // With a generation of its own, its deltas have to reach back to what can be read of them.
  await views.compareAndSetPointer(null, live);
  expect(await from()).toBe(0n);
});
