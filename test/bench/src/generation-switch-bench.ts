import { setTimeout as pause } from 'node:timers/promises';
import type { Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { z } from 'zod';
import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Figures, type Place, scaled, valueAtMost } from './bench.ts';
import { orderRecords, uniform } from './events.ts';

const CUSTOMERS = 5_000;
const SWITCHES = 5;
const EVERY_MS = 5;

const Answer = z.object({ provenance: z.object({ generation: z.int() }) });

/**
 * From when a generation is published, that is when the store last had another, until both of two serving layers answer by
 * it: the slowest of several times, while they are asked without a break. An answer that fails ends the bench. The baseline
 * asks the store for its pointer as often, by connections of its own: the run's are full of what it reads and writes.
 */
export const generationSwitchBench: Bench = {
  name: 'generation-switch',
  unit: 'ms',
  against: 'who asks the store for its pointer',
  goal: valueAtMost(1_000),
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const store = await openViews(system.environment.TIDEMARK_VIEWS_URL ?? '');
      try {
        return await slowestSwitch(place, system, await store.open(system.definition));
      } finally {
        await store.close();
      }
    }),
};

async function slowestSwitch(place: Place, system: BatchSystem, views: Views): Promise<Figures> {
  const customers = scaled(CUSTOMERS, place);
  const change = (first: number) => system.append(orderRecords(customers, uniform(customers), first));
  await change(0);
  await system.run();
  // A run waits for its positions, to say what drifted.
  await system.start(appMain('speed-layer'), { TIDEMARK_METRICS_PORT: '0' });
  const servers = [
    await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' }),
    await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' }),
  ];
  let value = 0;
  let baseline = 0;
  const switches = Math.max(1, Math.round(SWITCHES * Math.min(1, place.scale)));
  for (let n = 1; n <= switches; n++) {
    await change(n * customers);
    const asked = servers.map(
      ({ url }, at) =>
        (ask: number) =>
          generationAt(url, (ask * 31 + at) % customers),
    );
    const pointed = async () => (await views.pointer())?.generation ?? 0;
    // Runs are numbered from 1.
    const seen = (look: (ask: number) => Promise<number>) => firstSeen(look, n + 1);
    const [, inStore, ...onServers] = await Promise.all([system.run(), seen(pointed), ...asked.map(seen)]);
    value = Math.max(value, ...onServers.map(({ at }) => at - inStore.notYetAt));
    baseline = Math.max(baseline, inStore.at - inStore.notYetAt);
  }
  return { value, baseline };
}

type Seen = { readonly notYetAt: number; readonly at: number };

/** Looks until it sees the generation: when that was, and when it last began to look and did not. */
async function firstSeen(look: (ask: number) => Promise<number>, wanted: number): Promise<Seen> {
  for (let [ask, notYetAt] = [0, performance.now()]; ; ask++) {
    const lookedAt = performance.now();
    if ((await look(ask)) >= wanted) return { notYetAt, at: performance.now() };
    notYetAt = lookedAt;
    await pause(EVERY_MS);
  }
}

async function generationAt(url: string, customer: number): Promise<number> {
  const answer = await fetch(`${url}/v1/customers/customer-${customer}`);
  const body: unknown = await answer.json();
  if (answer.status !== 200) throw new Error(`the API answered ${answer.status}: ${JSON.stringify(body)}`);
  return Answer.parse(body).provenance.generation;
}
