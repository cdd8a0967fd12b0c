import { openViews } from '@tidemark/views/open';
import { BatchSystem, type PublishedRun } from './batch-system.ts';
import { type Bench, rate, ratioAtLeast, ratioAtMost, scaled } from './bench.ts';
import { chunks, orderRecords, uniform } from './events.ts';

const ROWS = 500;
const CUSTOMERS = 100_000;

/** The publish step of a first run, every customer new, against a bare loop that writes the same rows, ready in memory. */
export const publishBench: Bench = {
  name: 'publish',
  unit: 'rows/s',
  against: 'bare loop of upserts',
  goal: ratioAtLeast(0.8),
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const { generation, rowsWritten, publishMs } = await firstRun(system, scaled(CUSTOMERS, place));
      const rows = await system.rowsOf(generation);
      const bareStore = await openViews(await place.views());
      try {
        const bare = await bareStore.open(system.definition);
        const baseline = await rate(rows.length, async () => {
          for (const page of chunks(rows, ROWS)) await bare.writeBatch(page);
        });
        return { value: (rowsWritten / publishMs) * 1000, baseline };
      } finally {
        await bareStore.close();
      }
    }),
};

/** Publishing after a hundredth of the customers changed, against publishing all of them. */
export const publishChangedBench: Bench = {
  name: 'publish-changed',
  unit: 'ms',
  against: 'all customers',
  goal: ratioAtMost(0.03),
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const customers = scaled(CUSTOMERS, place);
      const { publishMs: baseline } = await firstRun(system, customers);
      await system.append(orderRecords(Math.ceil(customers / 100), uniform(customers), customers));
      const { publishMs: value } = await system.run();
      return { value, baseline };
    }),
};

/** Publishes an order of each customer. */
async function firstRun(system: BatchSystem, customers: number): Promise<PublishedRun> {
  await system.append(orderRecords(customers, uniform(customers)));
  return await system.run();
}
