import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSession, type Session } from '@tidemark/duckdb';
import { type FreshDatabase, freshDatabase } from '@tidemark/embedded-postgres/testing';
import type { Engine } from '@tidemark/engine';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { createLogger, createMetricsRegistry } from '@tidemark/runtime';
import { buildServer, DEFAULT_LIMITS } from '@tidemark/serving-layer';
import { Random } from '@tidemark/simulator';
import { type VerifyReport, verify } from '@tidemark/tidemark/verify';
import { pinned } from '@tidemark/views';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CUSTOMERS, DEFINITION, onPostgres, scratch, World } from './world.ts';

const SEED = 20261122;
const BIN = fileURLToPath(new URL('../../../bin/tidemark.mjs', import.meta.url));

let folder: string;
let session: Session;
let engine: Engine;
let database: FreshDatabase;
let world: World;
let server: Awaited<ReturnType<typeof buildServer>>;
let apiUrl: string;
let ticks = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(scratch, 'tidemark-verify-'));
  const options = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
  session = await openSession(options);
  engine = openDuckDbEngine(options);
  database = await freshDatabase();
  world = await World.open(Random.fromSeed(SEED), onPostgres(database.url), engine, session);
  const { views, log, catalog, clock } = world;
  server = await buildServer({
    definition: DEFINITION,
    views,
    serving: async () => null,
    handOverMs: 0,
    log,
    catalog,
    clock,
    // Nothing the server shares between requests is fresh enough for the next one.
    ticks: () => {
      ticks += 2_000;
      return ticks;
    },
    logger: createLogger({ app: 'test', level: 'fatal' }),
    registry: createMetricsRegistry('test'),
    awaitsFirstGeneration: async () => false,
    outlived: (error) => {
      throw error;
    },
    stopping: new AbortController().signal,
    limits: DEFAULT_LIMITS,
  });
  apiUrl = await server.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await server.close();
  await world.close();
  await database.drop();
  await engine.close();
  session.close();
  await rm(folder, { recursive: true });
});

const check = (): Promise<VerifyReport> =>
  verify({ lake: world.lake, log: world.log, apiUrl, currency: 'USD', sample: 100, seed: 1, progress: () => {} });

/** What the command ends with: its code, and what it said. */
async function command(): Promise<{ readonly code: number | null; readonly said: string }> {
  const { url } = database;
  const lake = ['--lake-url', world.lakeFolder, '--catalog-url', url];
  const where = ['--api-url', apiUrl, '--log-url', url, '--views-url', url, ...lake];
  const child = spawn(process.execPath, [BIN, 'verify', '--json', ...where], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  await once(child, 'close');
  return { code: child.exitCode, said };
}

/** A history with a generation and deltas behind its cut. */
async function aHistory(): Promise<void> {
  for (let n = 0; n < 20; n++) await world.append();
  await world.import();
  await world.settle();
  for (let n = 0; n < 10; n++) await world.append();
  await world.workers.settle();
}

it('finds nothing where nothing is wrong, with records on their way', async () => {
  await aHistory();
  for (let n = 0; n < 10; n++) {
    await world.append();
    await world.workers.step();
    const report = await check();
    expect(report.differences).toEqual([]);
    expect(report.customers).toBe(CUSTOMERS.length);
    expect(report.fields).toBeGreaterThan(CUSTOMERS.length * 20);
  }
});

it('lists what the next generation will correct as pending drift, not as a difference', async () => {
  await aHistory();
  // The same order placed twice under two ids: the speed layer cannot know.
  for (const id of ['twice-1', 'twice-2']) {
    const event = { event_id: id, event_type: 'order_placed', customer_id: 'c-1', occurred_at: '2026-04-30T00:00:00Z' };
    await world.send('c-1', { ...event, order_id: 'o-twice', total_amount: '7.00' });
  }
  await world.workers.settle();
  const report = await check();
  expect(report.differences).toEqual([]);
  expect(report.pending_drift.map(({ customer_id, metric }) => `${customer_id} ${metric}`)).toContain(
    'c-1 order_count',
  );
  await world.settle();
  expect((await check()).pending_drift).toEqual([]);
});

it('finds a damaged batch row', async () => {
  await aHistory();
  const pointer = await world.views.pointer();
  const { lineage, slice } = pinned(pointer);
  const [rows] = await world.views.read(['c-1'], lineage, slice);
  const batch = rows?.batch;
  if (!batch?.state) throw new Error('the history has no batch row of c-1');
  const at = DEFINITION.columns.findIndex(({ name }) => name === 'total_revenue');
  const state = batch.state.map((value, index) => (index === at && typeof value === 'bigint' ? value + 1n : value));
  await world.views.writeBatch([{ ...batch, state }]);
  expect((await check()).differences).toContainEqual(
    expect.objectContaining({ customer_id: 'c-1', metric: 'total_revenue' }),
  );
});

it('finds a lost delta', async () => {
  await aHistory();
  const event = {
    event_id: 'lost',
    event_type: 'order_placed',
    customer_id: 'c-1',
    occurred_at: '2026-04-30T00:00:00Z',
  };
  await world.send('c-1', { ...event, order_id: 'o-lost', total_amount: '7.00' });
  await world.workers.settle();
  const { lineage, slice } = pinned(await world.views.pointer());
  const [rows] = await world.views.read(['c-1'], lineage, slice);
  for (const delta of rows?.deltas ?? []) await world.views.deleteDeltas([delta], delta.lastOffset + 1n);
  const lost = (await check()).differences.map(({ customer_id, metric }) => `${customer_id} ${metric}`);
  expect(lost).toContain('c-1 order_count');
});

it('finds a measure whose SQL is wrong', async () => {
  await aHistory();
  const sound = await command();
  expect(sound.code, sound.said).toBe(0);
  await world.runBroken('order_count', 'order_count + 1');
  expect((await check()).differences.map(({ metric }) => metric)).toContain('order_count');
  expect(await command()).toMatchObject({ code: 1, said: expect.stringContaining('order_count') });
});
