import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Figures, quantile, ratioAtMost, scaled } from './bench.ts';
import { runCommand } from './command-run.ts';
import { orderRecords, uniform } from './events.ts';
import { type Answer, askSteadily } from './open-loop.ts';
import { underTraffic } from './traffic.ts';

const CUSTOMERS = 100_000;
/** Modest: a tenth of what it answers when it is asked all the time. */
const PER_SECOND = 100;
const SECONDS = 15;
/** Fewer answers have no slowest of a hundred. */
const ENOUGH = 100;
const FIRST_OF_TRAFFIC = 1_000_000;

/**
 * How long answers about single customers take, asked for at a steady rate: on a quiet system against a bare route that
 * does the same two reads, then while events come in and while a generation of all customers is published, against quiet.
 */
export const apiLatencyBench: Bench = {
  name: 'api-p99',
  unit: 'ms',
  against: 'bare route, same reads',
  goal: ratioAtMost(1 / 0.85),
  beside: [
    { name: 'api-p50', unit: 'ms', against: 'bare route, same reads', goal: ratioAtMost(1 / 0.85) },
    { name: 'api-p99-incoming', unit: 'ms', against: 'quiet', goal: ratioAtMost(2) },
    { name: 'api-p99-incoming-bare', unit: 'ms', against: 'bare route beside the same', goal: ratioAtMost(1 / 0.85) },
    { name: 'api-p99-publishing', unit: 'ms', against: 'quiet', goal: ratioAtMost(2) },
  ],
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const customers = scaled(CUSTOMERS, place);
      await system.append(orderRecords(customers, uniform(customers)));
      const { generation } = await system.run();
      await system.start(appMain('speed-layer'), {});
      const serving = await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' });
      const bare = await system.start(import.meta.resolve('./bare-server.ts'), {
        BENCH_DEFINITION: system.definition.id,
        BENCH_GENERATION: String(generation),
      });
      const pathOf = (n: number): string => `/v1/customers/customer-${(n * 31) % customers}`;
      const forMs = Math.max(200, SECONDS * 1000 * Math.min(1, place.scale));
      const ask = ({ url }: { readonly url: string }) => askSteadily(url, pathOf, { perSecond: PER_SECOND, forMs });

      // The first answers are those of code that is not compiled yet.
      for (const server of [serving, bare]) await ask(server);
      const [quiet, quietBare] = [await ask(serving), await ask(bare)];
      const [incoming, incomingBare] = await underTraffic(system.log, FIRST_OF_TRAFFIC, async () => [
        await ask(serving),
        await ask(bare),
      ]);
      const publishing = await askWhilePublishing(system, serving.url, pathOf);
      const p99 = (value: readonly Answer[], baseline: readonly Answer[]) => figures(0.99, value, baseline);
      return {
        ...p99(quiet, quietBare),
        beside: {
          'api-p50': figures(0.5, quiet, quietBare),
          'api-p99-incoming': p99(incoming, quiet),
          'api-p99-incoming-bare': p99(incoming, incomingBare),
          ...(publishing.length >= ENOUGH && { 'api-p99-publishing': p99(publishing, quiet) }),
        },
      };
    }),
};

/** The answers that were due between begin and end of the publish step of a run that writes every customer. */
async function askWhilePublishing(
  system: BatchSystem,
  url: string,
  pathOf: (n: number) => string,
): Promise<readonly Answer[]> {
  const stopping = new AbortController();
  const asking = askSteadily(url, pathOf, {
    perSecond: PER_SECOND,
    forMs: Number.POSITIVE_INFINITY,
    signal: stopping.signal,
  });
  try {
    await runCommand(appMain('batch-layer'), ['run', '--full'], {
      ...system.environment,
      TIDEMARK_BARRIER_DISTANCE: '0s',
    });
  } finally {
    stopping.abort();
  }
  const { startedAtMs, endedAtMs } = await system.publishStep();
  return (await asking).filter(({ dueAtMs }) => startedAtMs <= dueAtMs && dueAtMs <= endedAtMs);
}

const figures = (part: number, value: readonly Answer[], baseline: readonly Answer[]): Figures => ({
  value: quantile(
    value.map(({ tookMs }) => tookMs),
    part,
  ),
  baseline: quantile(
    baseline.map(({ tookMs }) => tookMs),
    part,
  ),
});
