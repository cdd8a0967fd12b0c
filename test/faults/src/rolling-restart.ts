import { eventually } from '@tidemark/infra-local/testing';
import { openViews } from '@tidemark/views/open';
import { expect } from 'vitest';
import { Balancer } from './system/balancer.ts';
import { DEFINITION, DeployedSystem, type StoreUrls } from './system/deployed-system.ts';
import { IngestProducer } from './system/ingest-producer.ts';

const PATIENT_MS = 120_000;

/** How many more requests and orders must have gone through before the next app's turn. */
const READS_BETWEEN = 40;
const ORDERS_BETWEEN = 30;
const READERS = 4;

const SETTINGS = { TIDEMARK_DRAIN: '500ms', TIDEMARK_FLOOR_GRACE: '0s' };
const EVERY_FIVE_SECONDS = '*/5 * * * * *';

/**
 * Restarts every app of a system in turn, under reads and writes, and expects that nobody notices: no request fails, every
 * answer is right by the law, no order is lost or counted twice, and in the end no process is left.
 */
export async function rollingRestart(stores: StoreUrls): Promise<void> {
  const system = await DeployedSystem.start({ stores, settings: SETTINGS });
  try {
    const balancer = await Balancer.start(system.apis);
    try {
      await restartAll(system, balancer);
    } finally {
      await balancer.close();
    }
    await system.stop();
  } finally {
    await system.end();
  }
}

async function restartAll(system: DeployedSystem, balancer: Balancer): Promise<void> {
  const producer = new IngestProducer(system.environment);
  const readers = Array.from({ length: READERS }, () => system.read(producer, () => [balancer.url]));
  const answers = () => readers.reduce((sum, reader) => sum + reader.answers, 0);
  const flows = async () => {
    const enough = answers() + READS_BETWEEN;
    await producer.acknowledges(ORDERS_BETWEEN);
    await eventually('reads are answered', PATIENT_MS, () => (answers() >= enough ? true : null));
  };
  try {
    const batchLayer = await system.startBatchLayer(EVERY_FIVE_SECONDS);
    await flows();
    for (const app of [...system.speedLayers, ...system.servingLayers]) {
      expect(await app.stop(), app.tail()).toBe(0);
      await flows();
      await app.restart();
      await balancer.sendsTo(2);
      await flows();
    }
    const before = await published(system, 0);
    // In the middle of a run it says by 1 that the run is not done; started again, it goes on with it.
    expect([0, 1], batchLayer.tail()).toContain(await batchLayer.stop());
    await batchLayer.restart();
    await published(system, before);
    await producer.restart();
    await flows();
    expect([0, 1], batchLayer.tail()).toContain(await batchLayer.stop());
    await system.isWhole(producer);
  } finally {
    for (const reader of readers) await reader.stop();
    producer.kill();
  }
  expect(readers.flatMap(({ failures, regressions }) => [...failures, ...regressions])).toEqual([]);
}

/** Resolves to the live generation when it is above another. */
async function published(system: DeployedSystem, above: number): Promise<number> {
  const store = await openViews(system.viewsUrl);
  try {
    const views = await store.open(DEFINITION);
    return await eventually(`a generation above ${above}`, PATIENT_MS, async () => {
      const generation = (await views.pointer())?.generation ?? 0;
      return generation > above ? generation : null;
    });
  } finally {
    await store.close();
  }
}
