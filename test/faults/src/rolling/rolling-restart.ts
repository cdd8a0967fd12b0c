import { expect, vi } from 'vitest';
import { z } from 'zod';
import type { AppProcess } from './app-process.ts';
import { Deployment, type Stores } from './deployment.ts';
import { Producer } from './producer.ts';
import { Readers } from './readers.ts';
import { verify } from './verify.ts';

const within = { timeout: 120_000, interval: 100 };

/** How many more requests and orders must have gone through before the next app's turn. */
const READS_BETWEEN = 40;
const ORDERS_BETWEEN = 30;

const SETTINGS = {
  TIDEMARK_DRAIN: '500ms',
  TIDEMARK_BATCH_SCHEDULE: '*/5 * * * * *',
  TIDEMARK_BARRIER_DISTANCE: '0s',
  TIDEMARK_FLOOR_GRACE: '0s',
};

const customer = z.object({ metrics: z.object({ order_count: z.int() }) });
const generations = z.object({ live: z.int().nullable() });

/**
 * Restarts every app of a system in turn, under reads and writes, and expects that nobody notices: no request fails, every
 * answer is right by the law, no order is lost or counted twice, and in the end no process is left.
 */
export async function rollingRestart(stores: Stores): Promise<void> {
  const system = await Deployment.start(stores, SETTINGS);
  const producer = new Producer({ ...system.environment() });
  let readers: Readers | null = null;
  try {
    await vi.waitUntil(() => system.balancer.readyCount === 2, within);
    await producer.start();
    readers = new Readers(system.apiUrl);
    const flows = flowing(producer, readers);
    await flows();

    for (const app of [...system.speedLayers, ...system.servingLayers]) {
      expect(await app.end('SIGTERM'), app.lastWords).toBe(0);
      await flows();
      await app.restart();
      await vi.waitUntil(() => system.balancer.readyCount === 2, within);
      await flows();
    }
    await restartBatch(system.batchLayers, () => live(system.apiUrl));
    await producer.restart('SIGTERM');
    await flows();
    expect((await verify(system.environment(), system.apiUrl)).differences).toEqual([]);

    producer.pause();
    await vi.waitUntil(() => producer.waitingCount === 0, within);
    await everythingIsCounted(system.apiUrl, producer.acknowledged);
    await readers.end();
    expect(readers.failures).toEqual([]);
    expect(producer.refused).toEqual([]);
    const { customers, differences } = await verify(system.environment(), system.apiUrl);
    expect([customers, differences]).toEqual([producer.acknowledged.size, []]);
    expect(await producer.end()).toBe(0);
    // The last is the batch layer: in the middle of a run it says by 1 that the run is not done.
    const [lastCode, ...codes] = [...(await system.end('SIGTERM'))].reverse();
    expect(codes).toEqual([0, 0, 0, 0]);
    expect([0, 1]).toContain(lastCode);
    await vi.waitUntil(() => system.processes().length === 0, within);
  } finally {
    await readers?.end();
    await producer.kill();
    await system.end('SIGKILL');
    system.remove();
  }
}

/** Resolves when reads were answered and orders acknowledged meanwhile. */
const flowing = (producer: Producer, readers: Readers) => async () => {
  const [reads, orders] = [readers.answered + READS_BETWEEN, producer.acknowledgedCount + ORDERS_BETWEEN];
  await vi.waitUntil(() => readers.answered >= reads && producer.acknowledgedCount >= orders, within);
};

async function live(apiUrl: string): Promise<number> {
  const response = await fetch(`${apiUrl}/v1/generations`);
  return generations.parse(await response.json()).live ?? 0;
}

/** A batch layer that is ended, in a run or between two, and one that goes on where it stopped. */
async function restartBatch(batchLayers: readonly AppProcess[], liveNow: () => Promise<number>): Promise<void> {
  for (const app of batchLayers) {
    await vi.waitUntil(async () => (await liveNow()) >= 1, within);
    expect([0, 1], app.lastWords).toContain(await app.end('SIGTERM'));
    const before = await liveNow();
    await app.restart();
    await vi.waitUntil(async () => (await liveNow()) > before, within);
  }
}

/** Every order that was acknowledged is in the answers, once. */
async function everythingIsCounted(apiUrl: string, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  for (const [id, count] of acknowledged) {
    let counted = 0;
    await vi.waitUntil(async () => {
      const response = await fetch(`${apiUrl}/v1/customers/${id}`);
      counted = response.status === 200 ? customer.parse(await response.json()).metrics.order_count : 0;
      if (counted > count) throw new Error(`${id} has ${counted} orders, ${count} were sent`);
      return counted === count;
    }, within);
  }
}
