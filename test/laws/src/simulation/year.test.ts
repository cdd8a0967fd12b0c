import { expect, it } from 'vitest';
import { CUSTOMERS, DEFINITION } from '../world.ts';
import { EVENTS_A_DAY, READABLE, type Sizes, Year } from './year.ts';

/** Epochs: those above the readable cuts, and the one before the floor, whose ids are the repeat window. */
const EPOCHS = READABLE + 2;

/** What there may be of it at any time, whatever the day. */
const most = (everyDays: number, partitions: number): Omit<Sizes, 'rawRecords'> => ({
  // One for each readable generation, and one below the floor that the oldest of them reads.
  batchRows: CUSTOMERS.length * (READABLE + 1),
  deltas: CUSTOMERS.length * partitions * EPOCHS,
  markers: CUSTOMERS.length * partitions * EPOCHS,
  snapshots: READABLE + 1,
  // Three levels of fewer than eight segments each, and what is not merged yet.
  rowFiles: DEFINITION.sources.length * (3 * 7 + partitions),
  // Whatever is sent is repeated once at most.
  logRecords: EPOCHS * (2 * EVENTS_A_DAY * everyDays + partitions),
});

// The model of Cassandra's nodes is slow: fewer runs.
it.each([
  { store: 'PostgreSQL', everyDays: 2 },
  { store: 'Cassandra', everyDays: 6 },
] as const)(
  'a system that runs a year stays right and the same size, with the semantics of $store, and loses no event',
  async ({ store, everyDays }) => {
    const year = await Year.open(1, store);
    const uninstall = year.install();
    try {
      for (let month = 1; month <= 12; month++) {
        await year.month(month - 1, everyDays);
        await year.isRight();
        const limits = most(everyDays, year.partitions);
        const { rawRecords, ...sizes } = await year.sizes();
        for (const [what, size] of Object.entries(sizes))
          expect(size, `${what} after ${month} months`).toBeLessThanOrEqual(limits[what as keyof typeof limits]);
        expect(rawRecords).toBe(year.appended);
      }
    } finally {
      uninstall();
    }
  },
);
