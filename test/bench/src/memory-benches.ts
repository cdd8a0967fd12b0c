import { join } from 'node:path';
import { openSession, textLiteral } from '@tidemark/duckdb';
import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Figures, type Place, ratioAtMost, type Subject, scaled, valueAtMost } from './bench.ts';
import { runCommand } from './command-run.ts';
import { orderRecords, uniform } from './events.ts';
import { levelWith } from './level.ts';
import { askSteadily } from './open-loop.ts';
import { childrenStartedWith, ownPeakResident } from './peak-memory.ts';

const MANY = 1_000_000;
const FEW = 100_000;
const ENGINE_LIMIT_MB = 2_000;
/** Records of one append: the most that one statement takes. */
const BATCH = 5_000;

const subject = (name: string, than = ratioAtMost(1.3)): Subject => ({
  name,
  unit: 'MB resident',
  against: 'a tenth of the customers',
  goal: than,
});

/** The most that a speed layer has resident while it folds an event of each of many customers, and of a tenth of them. */
export const speedMemoryBench: Bench = {
  ...subject('memory-speed'),
  linuxOnly: true,
  mostRounds: 1,
  async run(place) {
    const [baseline, value] = [await speedPeak(place, scaled(FEW, place)), await speedPeak(place, scaled(MANY, place))];
    return { value, baseline };
  },
};

const speedPeak = (place: Place, customers: number): Promise<number> =>
  BatchSystem.with(place, async (system) => {
    for (let first = 0; first < customers; first += BATCH)
      await system.log.append(orderRecords(Math.min(BATCH, customers - first), uniform(customers), first));
    const speed = await system.start(appMain('speed-layer'), {});
    await levelWith(system, 0);
    return megabytes(ownPeakResident(speed.pid));
  });

/** What each app had resident at most, in MB. */
type Peaks = Readonly<Record<'ingest' | 'batch' | 'engine' | 'serving', number>>;

/**
 * The most that the other apps have resident with many customers, and with a tenth of them: history goes in by an import,
 * of which the batch layer makes a generation, about which the serving layer answers. The engine has a limit to keep to.
 */
export const historyMemoryBench: Bench = {
  ...subject('memory-batch'),
  beside: [subject('memory-engine', valueAtMost(ENGINE_LIMIT_MB)), subject('memory-serving'), subject('memory-ingest')],
  linuxOnly: true,
  mostRounds: 1,
  async run(place) {
    const [few, many] = [await historyPeaks(place, scaled(FEW, place)), await historyPeaks(place, scaled(MANY, place))];
    const figures = (app: keyof Peaks): Figures => ({ value: many[app], baseline: few[app] });
    return {
      ...figures('batch'),
      beside: {
        'memory-engine': figures('engine'),
        'memory-serving': figures('serving'),
        'memory-ingest': figures('ingest'),
      },
    };
  },
};

const historyPeaks = (place: Place, customers: number): Promise<Peaks> =>
  BatchSystem.with(place, async (system) => {
    const orders = await writeOrders(await place.folder(), customers);
    const mapping = ['order_id=id', 'customer_id=who', 'total_amount=amount', 'order_date=day'];
    const env = {
      ...system.environment,
      TIDEMARK_BARRIER_DISTANCE: '0s',
      TIDEMARK_ENGINE_MEMORY: `${ENGINE_LIMIT_MB}MB`,
    };
    let [ingest, batch, engine] = [0, 0, 0];
    const args = ['import', orders, '--source', 'orders', ...mapping.flatMap((field) => ['--map', field])];
    await runCommand(appMain('ingest'), args, env, (pid) => {
      ingest = Math.max(ingest, ownPeakResident(pid) ?? 0);
    });
    await runCommand(appMain('batch-layer'), ['run'], env, (pid) => {
      batch = Math.max(batch, ownPeakResident(pid) ?? 0);
      for (const child of childrenStartedWith('engine-process', pid))
        engine = Math.max(engine, ownPeakResident(child) ?? 0);
    });
    const serving = await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' });
    const pathOf = (n: number) =>
      n % 50 === 0 ? '/v1/customers?sort=total_revenue' : `/v1/customers/customer-${(n * 7919) % customers}`;
    await askSteadily(serving.url, pathOf, { perSecond: 200, forMs: Math.max(200, 20_000 * Math.min(1, place.scale)) });
    return {
      ingest: megabytes(ingest),
      batch: megabytes(batch),
      engine: megabytes(engine),
      serving: megabytes(ownPeakResident(serving.pid)),
    };
  });

/** A CSV file with two orders of each customer. */
async function writeOrders(folder: string, customers: number): Promise<string> {
  const session = await openSession({ memoryLimit: '1GB', threads: 2, tempFolder: join(folder, 'spill') });
  const path = join(folder, 'orders.csv');
  try {
    await session.connection.run(`COPY (
      SELECT 'order-' || i AS id, 'customer-' || (i * 7919 % ${customers}) AS who, (i % 500) || '.50' AS amount,
        strftime(TIMESTAMP '2026-01-01' + to_seconds(i % 20000000), '%Y-%m-%dT%H:%M:%SZ') AS day
      FROM range(${2 * customers}) t(i)) TO ${textLiteral(path)} (FORMAT csv, HEADER)`);
  } finally {
    session.close();
  }
  return path;
}

function megabytes(bytes: number | null): number {
  if (bytes === null) throw new Error('the process is gone');
  return bytes / 1e6;
}
