import { setTimeout as pause } from 'node:timers/promises';
import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Figures, quantile, valueAtMost } from './bench.ts';
import { orderRecords, uniform } from './events.ts';
import { underTraffic } from './traffic.ts';

const SAMPLES = 200;
/** Who asks all the time takes half the machine from those who fold. */
const LOOK_EVERY_MS = 5;
const FIRST_OF_TRAFFIC = 1_000_000;

/**
 * From the moment an event is acknowledged until its customer's answer over HTTP counts it, while as many others come in as
 * a busy shop has; the slowest of a hundred. The baseline is the log alone: until a reader that waits has the record.
 */
export const freshnessBench: Bench = {
  name: 'freshness-p99',
  unit: 'ms',
  against: 'a reader of the log',
  goal: valueAtMost(250),
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      await system.append(orderRecords(1_000, uniform(1_000)));
      await system.run();
      await system.start(appMain('speed-layer'), { TIDEMARK_METRICS_PORT: '0' });
      const { url } = await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' });
      const samples = Math.max(5, Math.round(SAMPLES * Math.min(1, place.scale)));
      const sample = async (): Promise<Figures> => {
        const [visible, told]: [number[], number[]] = [[], []];
        for (let n = 0; n < samples; n++) visible.push(await visibleAfterMs(system, url, n));
        for (let n = 0; n < samples; n++) told.push(await readAfterMs(system, n));
        return { value: quantile(visible, 0.99), baseline: quantile(told, 0.99) };
      };
      return await underTraffic(system.log, FIRST_OF_TRAFFIC, sample);
    }),
};

/** Where those begin that nobody else has: customers, and events of each kind of sample. */
const MARKED = { customer: 10_000_000, visible: 100_000_000, read: 200_000_000 };

const marked = (kind: 'visible' | 'read', n: number) => orderRecords(1, () => MARKED.customer + n, MARKED[kind] + n);

async function visibleAfterMs(system: BatchSystem, url: string, n: number): Promise<number> {
  await system.log.append(marked('visible', n));
  const appendedAt = performance.now();
  for (;;) {
    const answer = await fetch(`${url}/v1/customers/customer-${MARKED.customer + n}`);
    await answer.arrayBuffer();
    if (answer.status === 200) return performance.now() - appendedAt;
    if (answer.status !== 404) throw new Error(`the API answered ${answer.status}`);
    await pause(LOOK_EVERY_MS);
  }
}

async function readAfterMs(system: BatchSystem, n: number): Promise<number> {
  const [place] = await system.log.append(marked('read', n));
  if (place === undefined) throw new Error('the log gave no place to a record');
  const appendedAt = performance.now();
  await system.log.read(place.partition, place.offset, { maxRecords: 1, waitMs: 10_000 });
  return performance.now() - appendedAt;
}
