import { openCatalog } from '@tidemark/catalog';
import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { eventually } from '@tidemark/infra-local/testing';
import { barrierRecord, type EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { MOMENTS, type Moment } from '@tidemark/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeployedSystem } from './system/deployed-system.ts';
import { failpoint, failpointSaid } from './system/failpoint.ts';
import { NOTHING, type Truth } from './system/truth.ts';
import { underLoad } from './system/under-load.ts';
import type { SteadyWriter } from './system/writer.ts';

const PATIENT_MS = 120_000;
const SETTINGS = { TIDEMARK_FLOOR_GRACE: '0s', TIDEMARK_GENERATIONS: '2' };
/** More than go into one write of batch rows. */
const CROWD = 1_200;
const CROWD_A_SECOND = 3_000;
/** Events a second of customers that nothing was heard of before. */
const STRANGERS_A_SECOND = 40;
const STRANGERS = 1_000_000;
const IMPORTED = 50;

const of = (...steps: readonly string[]): readonly Moment[] =>
  MOMENTS.filter((moment) => steps.includes(moment.slice(0, moment.indexOf(':'))));

const database = testDatabase();

let system: DeployedSystem;
let log: EventLog;
beforeAll(async () => {
  const stores = { logUrl: database.url(), viewsUrl: database.url(), catalogUrl: database.url() };
  system = await DeployedSystem.start({ stores, speedLayers: 1, servingLayers: 1, settings: SETTINGS });
  log = await openLog(database.url());
});
afterAll(async () => {
  await log?.close();
  await system?.end();
});

test('every moment is tried', () => {
  // Switches need a second definition: definition-switch.postgres.test.ts tries theirs.
  const steps = ['barrier', 'land', 'recompute', 'publish', 'drift', 'clean', 'import', 'switch', 'fold'];
  expect(of(...steps)).toEqual(MOMENTS);
});

test('the first generation is made though its run and a speed layer are killed at every moment', () =>
  underLoad(system, async (writer) => {
    const crowd = system.write(CROWD_A_SECOND, CROWD);
    await crowd.acknowledges(CROWD);
    await crowd.stop();
    system.remember(crowd);
    await Promise.all([killSpeedLayers(), killRuns(writer)]);
  }));

/** Each run goes on where the one before died. */
async function killRuns(writer: SteadyWriter): Promise<void> {
  for (const moment of of('barrier', 'land', 'recompute', 'publish', 'drift')) {
    await system.startBatch(['run'], failpoint(moment)).diesAt(moment);
    // What a kill between the barriers of two partitions leaves, where they are not appended all at once.
    if (moment === 'barrier: number frozen') await appendBarrierTo(0);
    await writer.acknowledges(10);
  }
  expect(await generations()).toEqual([{ generation: 1, status: 'published' }]);
}

/** One after the other joins the layer that stays, gets its share, and dies with it. */
async function killSpeedLayers(): Promise<void> {
  const strangers = system.write(STRANGERS_A_SECOND, STRANGERS);
  const noEvents = [...(await log.partitions())].map((partition) => ({
    partition,
    key: null,
    value: Buffer.from('no event'),
  }));
  for (const moment of of('fold')) {
    const layer = system.launchSpeedLayer(0, failpoint(moment));
    await eventually(`a speed layer dies at ${moment}`, PATIENT_MS, async () => {
      await log.append(noEvents);
      return layer.hasEnded ? true : null;
    });
    await layer.diesAt(moment);
  }
  await strangers.stop();
  system.remember(strangers);
}

test('an import that was killed at every moment is there once, and nothing readable is cleaned away by runs that were', () =>
  underLoad(system, async (writer) => {
    await importHistory();
    // The first generation is below the floor by now, and the floor has stood.
    for (const moment of of('clean')) {
      await writer.acknowledges(50);
      await system.startBatch(['run'], failpoint(moment)).diesAt(moment);
    }
    expect(await firstOffset()).toBeGreaterThan(0n);
  }));

test('all of it ends in order, and no process is left', () => system.stop());

/** For each moment a file of its own: what is in the lake is not filed again. */
async function importHistory(): Promise<void> {
  const truth = new Map<string, Readonly<Truth>>();
  const importing = of('import').map(async (moment, nth) => {
    const orders = Array.from({ length: IMPORTED }, (_, row) => `imported-${nth}-${row}`);
    for (const id of orders) truth.set(id, { ...NOTHING, order_count: 1, total_revenue: 100n });
    const file = system.file(`history-${nth}.ndjson`, orders.map(orderOf).join('\n'));
    const args = ['import', file, '--source', 'events'];
    const killed = await system.commandOf(failpoint(moment), ...args);
    expect(killed).toEqual({ code: 1, said: expect.stringContaining(failpointSaid(moment)) });
    const { code, said } = await system.command(...args);
    expect([code, said]).toEqual([0, said]);
  });
  await Promise.all(importing);
  await system.publish();
  system.remember({ truth, stop: async () => {} });
}

const orderOf = (id: string): string =>
  JSON.stringify({
    event_id: `of ${id}`,
    event_type: 'order_placed',
    customer_id: id,
    occurred_at: '2025-12-31T00:00:00Z',
    order_id: `of ${id}`,
    total_amount: '1.00',
  });

async function appendBarrierTo(partition: number): Promise<void> {
  const [run] = await runs();
  if (run === undefined) throw new Error('the catalog has no run');
  await log.append([barrierRecord(run.generation, run.barrierAtMs, partition)]);
}

async function runs() {
  const catalog = await openCatalog(database.url());
  try {
    return await catalog.runs({ limit: 100 });
  } finally {
    await catalog.close();
  }
}

const generations = async () => (await runs()).map(({ generation, status }) => ({ generation, status }));

/** The lowest offset that some partition of the log starts at. */
async function firstOffset(): Promise<bigint> {
  const starts = [...(await log.bounds()).values()].map(({ start }) => start);
  return starts.toSorted((a, b) => Number(a - b))[0] ?? 0n;
}
