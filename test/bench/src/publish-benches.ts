import { openViews } from '@tidemark/views/open';
import { BatchSystem } from './batch-system.ts';
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
  async run(place) {
    const customers = scaled(CUSTOMERS, place);
    const system = await BatchSystem.open(place);
    const bareStore = await openViews(await place.views());
    try {
      await system.append(orderRecords(customers, uniform(customers)));
      const { generation, rowsWritten, publishMs } = await system.run();
      const rows = await system.rowsOf(generation);
      const bare = await bareStore.open(system.definition);
      const baseline = await rate(rows.length, async () => {
        for (const page of chunks(rows, ROWS)) await bare.writeBatch(page);
      });
      return { value: (rowsWritten / publishMs) * 1000, baseline };
    } finally {
      await Promise.all([system.close(), bareStore.close()]);
    }
  },
};

/** Publishing after a hundredth of the customers changed, against publishing all of them. */
export const publishChangedBench: Bench = {
  name: 'publish-changed',
  unit: 'ms',
  against: 'all customers',
  goal: ratioAtMost(0.03),
  async run(place) {
    const customers = scaled(CUSTOMERS, place);
    const system = await BatchSystem.open(place);
    try {
      await system.append(orderRecords(customers, uniform(customers)));
      const { publishMs: baseline } = await system.run();
      await system.append(orderRecords(Math.ceil(customers / 100), uniform(customers), customers));
      const { publishMs: value } = await system.run();
      return { value, baseline };
    } finally {
      await system.close();
    }
  },
};
