import { Pool } from 'undici';
import { appMain } from './app-process.ts';
import { BatchSystem } from './batch-system.ts';
import { type Bench, ratioAtLeast, scaled } from './bench.ts';
import { orderRecords, uniform } from './events.ts';

const CUSTOMERS = 20_000;
/** Requests under way at once. */
const CONNECTIONS = 16;
const SECONDS = 10;

/** Answers about single customers, over HTTP, against a bare route that answers with the same two reads as they come. */
export const apiBench: Bench = {
  name: 'api',
  unit: 'requests/s',
  against: 'bare route, same reads',
  goal: ratioAtLeast(0.85),
  run: (place) =>
    BatchSystem.with(place, async (system) => {
      const customers = scaled(CUSTOMERS, place);
      await system.append(orderRecords(2 * customers, uniform(customers)));
      const { generation } = await system.run();
      const serving = await system.start(appMain('serving-layer'), { TIDEMARK_PORT: '0' });
      const bare = await system.start(import.meta.resolve('./bare-server.ts'), {
        BENCH_DEFINITION: system.definition.id,
        BENCH_GENERATION: String(generation),
      });
      const pathOf = (n: number): string => `/v1/customers/customer-${(n * 31) % customers}`;
      const forMs = Math.max(100, SECONDS * 1000 * Math.min(1, place.scale));
      await requestsPerSecond(serving.url, pathOf, forMs / 2);
      await requestsPerSecond(bare.url, pathOf, forMs / 2);
      return {
        value: await requestsPerSecond(serving.url, pathOf, forMs),
        baseline: await requestsPerSecond(bare.url, pathOf, forMs),
      };
    }),
};

/** As many requests as are answered, each connection asking again when it has its answer. */
async function requestsPerSecond(url: string, pathOf: (n: number) => string, forMs: number): Promise<number> {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  let asked = 0;
  const began = performance.now();
  const client = async (): Promise<void> => {
    while (performance.now() - began < forMs) {
      const { statusCode, body } = await pool.request({ method: 'GET', path: pathOf(asked++) });
      await body.dump();
      if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, client));
    return (asked / (performance.now() - began)) * 1000;
  } finally {
    await pool.close();
  }
}
