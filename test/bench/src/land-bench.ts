import { landBare } from './bare-landing.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Place, rate, ratioAtLeast, scaled } from './bench.ts';
import { orderRecords, uniform } from './events.ts';

const recordsOf = (place: Place) => orderRecords(scaled(500_000, place), uniform(10_000));

/** The landing of a first run, from the log to committed files, against parsing the same records and writing such files. */
export const landBench: Bench = {
  name: 'land',
  unit: 'events/s',
  against: 'JSON.parse, zod, Parquet',
  goal: ratioAtLeast(0.7),
  async run(place) {
    const records = recordsOf(place);
    const value = await BatchSystem.with(place, async (system) => {
      await system.append(records);
      return (records.length / (await system.run()).landMs) * 1000;
    });
    const folder = await place.folder();
    const baseline = await rate(records.length, () => landBare(folder, records, Date.now()));
    return { value, baseline };
  },
};
