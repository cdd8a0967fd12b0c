import { Gauge, Histogram } from 'prom-client';
import type { ProgressReader } from './progress.ts';
import type { Services, ServingApp } from './services.ts';

/** Counts and times every request by its route, and serves them with the state of what is answered at `/metrics`. */
export function httpMetrics(app: ServingApp, { context: { registry }, pins, progress }: Services): void {
  const durations = new Histogram({
    name: 'tidemark_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer; its count is that of the requests.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  gauge('tidemark_serving_generation', 'The generation served; absent before the first.', async () => {
    return (await pins.pointer())?.generation ?? null;
  });
  gauge('tidemark_serving_staleness_seconds', 'Age of the oldest record not folded yet.', () => stalenessS(progress));

  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
  app.get('/metrics', { schema: { hide: true }, config: { rateLimit: false } }, async (_request, reply) => {
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });

  /** A gauge that is absent while its value is not known, so that a store that is down fails no scrape. */
  function gauge(name: string, help: string, read: () => Promise<number | null>): void {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.remove();
        const value = await read().catch(() => null);
        if (value !== null) this.set(value);
      },
    });
  }
}

async function stalenessS(progress: ProgressReader): Promise<number | null> {
  const staleness = progress.stalenessMs((await progress.get()).value);
  return staleness === null ? null : staleness / 1000;
}
