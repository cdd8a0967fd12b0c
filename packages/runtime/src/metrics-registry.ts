import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TidemarkError } from '@tidemark/contracts';
import { collectDefaultMetrics, Registry } from 'prom-client';

export type Health = { readonly ok: boolean; readonly [detail: string]: unknown };

/** A Prometheus registry of one app: its metrics carry the label `app`, and the process's own are among them. */
export function createMetricsRegistry(app: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  collectDefaultMetrics({ register: registry });
  return registry;
}

export type MetricsServer = { readonly port: number; readonly close: () => Promise<void> };

/**
 * Serves `/metrics` and `/healthz` (200 or 503 with the health as JSON). Port 0 takes a free one, which the result names;
 * whether a setting of 0 means 'off' is the caller's to decide. `health` should tell of progress; one that throws is unhealthy.
 */
export async function startMetricsServer(options: {
  readonly port: number;
  readonly host: string;
  readonly registry: Registry;
  readonly health: () => Health | Promise<Health>;
}): Promise<MetricsServer> {
  const { port, host, registry, health } = options;
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET') answer(response, 405, 'text/plain', 'GET only\n');
    else if (path === '/metrics') void answerMetrics(response, registry);
    else if (path === '/healthz') void answerHealth(response, health);
    else answer(response, 404, 'text/plain', 'Here are /metrics and /healthz\n');
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', (cause) => {
      const message = `The metrics server can't listen on ${host}:${port}: ${cause.message}. Choose another TIDEMARK_METRICS_PORT.`;
      failed(new TidemarkError('TIDEMARK_METRICS_SERVER', message, { cause }));
    });
    server.listen(port, host, listening);
  });
  return {
    // A listening TCP server's address is never a string or null.
    port: (server.address() as AddressInfo).port,
    close: async () => {
      await new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      });
    },
  };
}

async function answerMetrics(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    answer(response, 200, registry.contentType, await registry.metrics());
  } catch {
    answer(response, 500, 'text/plain', 'A metric could not be collected\n');
  }
}

async function answerHealth(response: ServerResponse, health: () => Health | Promise<Health>): Promise<void> {
  let found: Health;
  try {
    found = await health();
  } catch {
    found = { ok: false };
  }
  const body = JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  answer(response, found.ok ? 200 : 503, 'application/json', `${body}\n`);
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
