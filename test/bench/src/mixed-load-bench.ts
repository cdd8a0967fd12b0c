import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, type Figures, quantile, ratioAtMost, scaled, valueAtMost } from './bench.ts';
import { orderRecords, uniform } from './events.ts';
import { type Answer, askSteadily } from './open-loop.ts';
import { underTraffic } from './traffic.ts';

const CUSTOMERS = 20_000;
const READS_PER_SECOND = 500;
const EVENTS_PER_SECOND = 1_500;
const SECONDS = 15;
const FIRST_OF_TRAFFIC = 1_000_000;

const AGAINST = 'bare route, same reads and writes';

/**
 * How long an answer takes while customers are asked about at a steady rate and three times as many events come in, are
 * folded and written: against a bare route that does the same two reads beside the same speed layer.
 */
export const mixedLoadBench: Bench = {
  name: 'api-mixed-p95',
  unit: 'ms',
  against: AGAINST,
  goal: valueAtMost(8),
  beside: [
    { name: 'api-mixed-p50', unit: 'ms', against: AGAINST, goal: ratioAtMost(1 / 0.85) },
    { name: 'api-mixed-p99', unit: 'ms', against: AGAINST, goal: ratioAtMost(1 / 0.85) },
  ],
  serversOnly: true,
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const customers = scaled(CUSTOMERS, place);
      await system.append(orderRecords(2 * customers, uniform(customers)));
      const { generation } = await system.run();
      await system.start(appMain('speed-layer'), { TIDEMARK_METRICS_PORT: '0' });
      const serving = await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' });
      const bare = await system.start(import.meta.resolve('./bare-server.ts'), {
        BENCH_DEFINITION: system.definition.id,
        BENCH_GENERATION: String(generation),
      });
      const forMs = Math.max(500, SECONDS * 1000 * Math.min(1, place.scale));
      const pathOf = (n: number): string => `/v1/customers/customer-${(n * 31) % customers}`;
      const ask = (url: string) => askSteadily(url, pathOf, { perSecond: READS_PER_SECOND, forMs });
      const work = async () => {
        // The first answers are those of code that is not compiled yet.
        for (const { url } of [serving, bare]) await ask(url);
        return { value: await ask(serving.url), baseline: await ask(bare.url) };
      };
      const answers = await underTraffic(system.log, FIRST_OF_TRAFFIC, work, EVENTS_PER_SECOND);
      const figures = (part: number): Figures => ({
        value: percentile(answers.value, part),
        baseline: percentile(answers.baseline, part),
      });
      return {
        ...figures(0.95),
        beside: { 'api-mixed-p50': figures(0.5), 'api-mixed-p99': figures(0.99) },
      };
    }),
};

const percentile = (answers: readonly Answer[], part: number): number =>
  quantile(
    answers.map(({ tookMs }) => tookMs),
    part,
  );
