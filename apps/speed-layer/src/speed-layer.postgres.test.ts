import { testDatabase } from '@tidemark/embedded-postgres/testing';
import type { EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { define, mergeView } from '@tidemark/metrics';
import { systemClock } from '@tidemark/runtime';
import { pinned, type ViewStore, type Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SpeedLayer } from './index.ts';

const definition = define('USD');
const database = testDatabase();
const text = new TextEncoder();

let log: EventLog;
let store: ViewStore;
let views: Views;

beforeAll(async () => {
  log = await openLog(database.url(), { partitions: 4 });
  store = await openViews(database.url());
  views = await store.open(definition);
});

afterAll(async () => {
  await log.close();
  await store.close();
});

const layerOn = (over: EventLog = log) =>
  new SpeedLayer({ log: over, views, definition, clock: systemClock, gatherMs: 50, stateCache: 10 });

let sent = 0;
const order = (customer: string, amount: string) => ({
  key: text.encode(customer),
  value: text.encode(
    JSON.stringify({
      event_id: `e-${++sent}`,
      event_type: 'order_placed',
      customer_id: customer,
      occurred_at: '2026-03-04T05:06:07Z',
      order_id: `o-${sent}`,
      total_amount: amount,
    }),
  ),
});

async function revenueOf(customer: string): Promise<unknown> {
  const { lineage, slice } = pinned(await views.pointer());
  const [rows] = await views.read([customer], lineage, slice);
  return mergeView(definition, rows?.deltas.map(({ state }) => state) ?? [], 0).metrics.total_revenue;
}

const within = { timeout: 20_000, interval: 20 };

describe('the speed layer', () => {
  it('makes what was appended visible, and goes on where it stopped', async () => {
    const first = await layerOn().start();
    await log.append([order('anna', '10.00'), order('anna', '5.50')]);
    await vi.waitFor(async () => expect(await revenueOf('anna')).toBe('15.50'), within);
    await first.stop();
    await log.append([order('anna', '1.00')]);
    const second = await layerOn().start();
    await vi.waitFor(async () => expect(await revenueOf('anna')).toBe('16.50'), within);
    await second.stop();
  });

  it('drains before it stops: what was read is written', async () => {
    const layer = layerOn();
    const consumer = await layer.start();
    await log.append(Array.from({ length: 500 }, (_, n) => order(`drained-${n % 50}`, '1.00')));
    await vi.waitFor(() => expect([...layer.progress().values()].some(({ next }) => next > 0n)).toBe(true), within);
    const read = [...layer.progress()].map(([partition, { next }]) => [partition, next] as const);
    await consumer.stop();
    const positions = await views.positions();
    for (const [partition, next] of read)
      expect(positions.get(partition)?.offset ?? -1n).toBeGreaterThanOrEqual(next - 1n);
  });

  it('shares the partitions with another, which takes over when one leaves', async () => {
    const [a, b] = [layerOn(), layerOn()];
    const first = await a.start();
    const second = await b.start();
    await vi.waitFor(() => {
      expect(first.held().length).toBe(2);
      expect(second.held().length).toBe(2);
    }, within);
    await first.stop();
    await vi.waitFor(() => expect(second.held().length).toBe(4), within);
    await log.append([order('berta', '7.00')]);
    await vi.waitFor(async () => expect(await revenueOf('berta')).toBe('7.00'), within);
    await second.stop();
  });

  it('keeps a record that is no event with its bytes, and goes on', async () => {
    const consumer = await layerOn().start();
    const bytes = text.encode('{"event_type":');
    const [place] = await log.append([{ key: text.encode('carl'), value: bytes }]);
    await log.append([order('carl', '3.00')]);
    await vi.waitFor(async () => expect(await revenueOf('carl')).toBe('3.00'), within);
    // Written behind the rows: whoever sees those may look for it too soon.
    await vi.waitFor(async () => {
      const letters = await views.deadLetters({ after: null, limit: 10 });
      expect(letters).toMatchObject([{ ...place, code: 'invalid_json', bytes }]);
    }, within);
    await consumer.stop();
  });

  it('refuses a log that is another one, or was written anew', async () => {
    const other = new Proxy(log, {
      get(target, name) {
        if (name === 'identity') return async () => 'another';
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const consumer = await layerOn(other).start();
    await expect(consumer.done).rejects.toMatchObject({ code: 'TIDEMARK_SPEED_OTHER_LOG' });
  });

  it('stops when retention has run past what it folded', async () => {
    const bounds = await log.bounds();
    await log.append(Array.from({ length: 8 }, (_, n) => order(`late-${n}`, '1.00')));
    for (const [partition, { end }] of await log.bounds()) {
      if (end > (bounds.get(partition)?.end ?? 0n) + 1n) await log.truncate(partition, end);
    }
    const consumer = await layerOn().start();
    await expect(consumer.done).rejects.toMatchObject({ code: 'TIDEMARK_SPEED_GAP' });
  });
});
