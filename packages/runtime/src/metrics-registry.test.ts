import { Counter } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import { createMetricsRegistry, type Health, type MetricsServer, startMetricsServer } from './metrics-registry.ts';

const open: MetricsServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(health: () => Health) {
  const registry = createMetricsRegistry('speed-layer');
  new Counter({ name: 'tidemark_events_total', help: 'Events.', registers: [registry] }).inc(3);
  const server = await startMetricsServer({ port: 0, host: '127.0.0.1', registry, health });
  open.push(server);
  return `http://127.0.0.1:${server.port}`;
}

test("an app's metrics and the process's own are served with the app's label", async () => {
  const base = await serve(() => ({ ok: true }));
  const text = await (await fetch(`${base}/metrics`)).text();
  expect(text).toContain('tidemark_events_total{app="speed-layer"} 3');
  expect(text).toContain('process_resident_memory_bytes');
});

test('healthz answers 503 when the app is unhealthy or can not say', async () => {
  let health: () => Health = () => ({ ok: true, position: 12n });
  const base = await serve(() => health());
  const well = await fetch(`${base}/healthz`);
  expect([well.status, await well.json()]).toEqual([200, { ok: true, position: '12' }]);
  health = () => ({ ok: false, reason: 'no progress' });
  expect((await fetch(`${base}/healthz`)).status).toBe(503);
  health = () => {
    throw new Error('broken');
  };
  expect((await fetch(`${base}/healthz`)).status).toBe(503);
  expect((await fetch(`${base}/elsewhere`)).status).toBe(404);
  expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
});

test('a port in use is an error that says what to do', async () => {
  const port = Number(new URL(await serve(() => ({ ok: true }))).port);
  const registry = createMetricsRegistry('second');
  const second = startMetricsServer({ port, host: '127.0.0.1', registry, health: () => ({ ok: true }) });
  await expect(second).rejects.toMatchObject({ code: 'TIDEMARK_METRICS_SERVER' });
  await expect(second).rejects.toThrow(/TIDEMARK_METRICS_PORT/);
});
