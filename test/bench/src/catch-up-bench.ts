import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, duration, ratioAtMost, scaled } from './bench.ts';
import { orderRecords, uniform } from './events.ts';
import { levelWith } from './level.ts';
import { TRAFFIC, underTraffic } from './traffic.ts';

const OUTAGE_MS = 600_000;
/** Records of one append: the most that one statement takes. */
const BATCH = 5_000;

/**
 * From the start of a speed layer, after an outage through which a busy shop's events went on coming, until it is level
 * while they still do. The baseline is the outage, which the scale makes shorter.
 */
export const catchUpBench: Bench = {
  name: 'catch-up',
  unit: 'ms',
  against: 'the outage, at 2,000 events/s',
  goal: ratioAtMost(0.25),
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const missed = scaled((TRAFFIC.eventsPerSecond * OUTAGE_MS) / 1000, place);
      const customerOf = uniform(TRAFFIC.customers);
      // Made piece by piece: all of them at once would be a gigabyte of this process.
      for (let first = 0; first < missed; first += BATCH)
        await system.log.append(orderRecords(Math.min(BATCH, missed - first), customerOf, first));
      const value = await underTraffic(system.log, missed, () =>
        duration(async () => {
          await system.start(appMain('speed-layer'), {});
          // What comes in within a second is always on its way.
          await levelWith(system, TRAFFIC.eventsPerSecond);
        }),
      );
      return { value, baseline: (missed / TRAFFIC.eventsPerSecond) * 1000 };
    }),
};
