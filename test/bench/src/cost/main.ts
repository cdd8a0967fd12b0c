import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { openPool, type Pool } from '@tidemark/postgres';
import { appMain } from '../app-process.ts';
import { BatchSystem } from '../batch-system.ts';
import type { Place } from '../bench.ts';
import { runCommand } from '../command-run.ts';
import { cpuMs, cpuTime } from '../cpu-time.ts';
import { orderRecords, uniform } from '../events.ts';
import { levelWith } from '../level.ts';
import { askSteadily } from '../open-loop.ts';
import { childrenStartedWith } from '../peak-memory.ts';
import { TRAFFIC, underTraffic } from '../traffic.ts';
import { type Cost, Meter } from './meter.ts';
import { folderBytes, tableBytes } from './sizes.ts';

const USAGE = 'usage: npm run bench -- cost [--customers 20000] [--events 200000] [--seconds 20]   (needs Linux)\n';
const BATCH = 5_000;
const READS_PER_SECOND = 200;

const { values: flags } = parseArgs({
  options: {
    customers: { type: 'string', default: '20000' },
    events: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '20' },
  },
});
const [customers, events, seconds] = [Number(flags.customers), Number(flags.events), Number(flags.seconds)];
if (!(customers > 0 && events > 0 && seconds > 0) || process.platform !== 'linux') {
  process.stderr.write(USAGE);
  process.exit(2);
}

const costs: Cost[] = [];
const folder = await mkdtemp(join(tmpdir(), 'tidemark-cost-'));
const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), temporary: true });
try {
  const database = () => postgres.createDatabase(`cost_${randomBytes(6).toString('hex')}`);
  const newFolder = () => mkdir(join(folder, 'system'), { recursive: true }).then(() => join(folder, 'system'));
  const place: Place = { database, log: database, views: database, folder: newFolder, scale: 1 };
  await BatchSystem.with(place, (system) => measureSystem(system, postgres));
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${new Date().toISOString()}, ` +
    `${events} events of ${customers} customers\n`,
);
for (const [what, value, unit] of costs)
  process.stdout.write(`${what.padEnd(58)} ${value.toFixed(value < 10 ? 2 : 0).padStart(9)} ${unit}\n`);

async function measureSystem(system: BatchSystem, server: EmbeddedPostgres): Promise<void> {
  const { TIDEMARK_LOG_URL: logUrl = '', TIDEMARK_VIEWS_URL: viewsUrl = '' } = system.environment;
  const [log, views] = [openPool(logUrl, { applicationName: 'cost' }), openPool(viewsUrl, { applicationName: 'cost' })];
  try {
    const meter = new Meter(server, views, costs);
    await meter.of(events, 'event appended', async () => {
      for (let first = 0; first < events; first += BATCH)
        await system.log.append(orderRecords(Math.min(BATCH, events - first), uniform(customers), first));
    });
    costs.push(['log, bytes an event', (await tableBytes(log, 'records_%')).bytes / events, 'bytes']);
    await measureSpeed(system, views, meter);
    await measureBatch(system, views, meter);
    await measureReads(system, meter);
  } finally {
    await Promise.all([log.end(), views.end()]);
  }
}

/** Behind, the speed layer gathers and writes a busy customer's row once for many events; level, it writes at once. */
async function measureSpeed(system: BatchSystem, views: Pool, meter: Meter): Promise<void> {
  const speed = await system.start(appMain('speed-layer'), {});
  const own = cpuMs(speed.pid);
  await meter.of(events, 'event folded, catching up', () => levelWith(system, 0));
  costs.push(['event folded, catching up: CPU of the speed layer', ((cpuMs(speed.pid) - own) / events) * 1000, 'µs']);
  const behind = await tableBytes(views, 'delta_%');
  costs.push(['event folded, catching up: rows written', behind.written / events, 'rows']);
  costs.push(['delta row', behind.bytes / behind.rows, 'bytes']);
  const marker = await tableBytes(views, 'touched_%');
  costs.push(['touched marker', marker.bytes / marker.rows, 'bytes']);

  const live = TRAFFIC.eventsPerSecond * seconds;
  const before = cpuMs(speed.pid);
  await meter.of(live, 'event folded, level', () => underTraffic(system.log, events, () => pause(seconds * 1000)));
  await levelWith(system, 0);
  costs.push(['event folded, level: CPU of the speed layer', ((cpuMs(speed.pid) - before) / live) * 1000, 'µs']);
  const level = await tableBytes(views, 'delta_%');
  costs.push(['event folded, level: rows written', (level.written - behind.written) / live, 'rows']);
}

/** A first run lands, recomputes and publishes; another one that writes all customers lands nothing. */
async function measureBatch(system: BatchSystem, views: Pool, meter: Meter): Promise<void> {
  const run = async (args: readonly string[]) => {
    let [batch, engine] = [0, 0];
    const env = { ...system.environment, TIDEMARK_BARRIER_DISTANCE: '0s' };
    await runCommand(appMain('batch-layer'), args, env, (pid) => {
      batch = Math.max(batch, cpuTime(pid)?.ownMs ?? 0);
      for (const child of childrenStartedWith('engine-process', pid))
        engine = Math.max(engine, cpuTime(child)?.ownMs ?? 0);
    });
    return { batch, engine };
  };
  const landed = events + TRAFFIC.eventsPerSecond * seconds;
  const first = await run(['run']);
  const { bytes, rows } = await tableBytes(views, 'batch_%');
  costs.push(['batch row', bytes / rows, 'bytes']);
  const again = await meter.of(rows, 'customer published', () => run(['run', '--full']));
  costs.push(['event landed: CPU of the batch layer', ((first.batch - again.batch) / landed) * 1000, 'µs']);
  costs.push(['event recomputed: CPU of the engine', (again.engine / landed) * 1000, 'µs']);
  costs.push(['customer published: CPU of the batch layer', (again.batch / rows) * 1000, 'µs']);
  const lake = system.environment.TIDEMARK_LAKE_URL ?? '';
  costs.push(['lake, raw events', (await folderBytes(join(lake, 'events'))) / landed, 'bytes an event']);
  costs.push(['lake, rows for the recompute', (await folderBytes(join(lake, 'rows'))) / landed, 'bytes an event']);
  costs.push(['lake, a snapshot', (await folderBytes(join(lake, 'snapshots'))) / 2 / rows, 'bytes a customer']);
}

async function measureReads(system: BatchSystem, meter: Meter): Promise<void> {
  const serving = await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' });
  const ask = async () =>
    (
      await askSteadily(serving.url, (n) => `/v1/customers/customer-${(n * 31) % customers}`, {
        perSecond: READS_PER_SECOND,
        forMs: seconds * 1000,
      })
    ).length;
  // The first answers are those of code that is not compiled yet.
  await ask();
  const before = cpuMs(serving.pid);
  const asked = await meter.of(READS_PER_SECOND * seconds, 'read', ask);
  costs.push(['read: CPU of the serving layer', ((cpuMs(serving.pid) - before) / asked) * 1000, 'µs']);
}
