import { Agent, get } from 'node:http';
import { expect, test } from 'vitest';
import { order } from './testing/sample-shop.ts';
import { type Served, serve } from './testing/served.ts';
import { SteeredViews } from './testing/steered-views.ts';

type Gate = { readonly reached: Promise<void>; open(): void };

/** A server whose reads wait at a gate. */
async function gated(call: 'read' | 'scan', from = 1): Promise<{ served: Served; address: string; gate: Gate }> {
  let steering: SteeredViews | undefined;
  const served = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      return { views: steering.views };
    },
  });
  const ids = Array.from({ length: 1200 }, (_, at) => [`c${at}`, [order(`o${at}`, '1.00', '2024-01-01T00:00:00Z')]]);
  await served.shop.publish(1, Object.fromEntries(ids));
  let arrive = () => {};
  let open = () => {};
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let calls = 0;
  steering?.before.set(call, async () => {
    if (++calls < from) return;
    arrive();
    await opened;
  });
  return { served, address: await served.app.listen({ host: '127.0.0.1', port: 0 }), gate: { reached, open } };
}

test('a request under way is answered, its connection not kept, and no new one taken', async () => {
  const { served, address, gate } = await gated('read');
  const agent = new Agent({ keepAlive: true });
  const answered = new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
    get(`${address}/v1/customers/c1`, { agent }, (response) => {
      response.resume().once('end', () => {
        resolve({ status: response.statusCode, connection: response.headers.connection });
      });
    }).once('error', reject);
  });
  await gate.reached;
  const closed = served.app.close();
  await expect(fetch(`${address}/healthz`)).rejects.toThrow();
  gate.open();
  expect(await answered).toEqual({ status: 200, connection: 'close' });
  await closed;
  agent.destroy();
});

test('told to stop it is not ready, and still answers until it closes, each answer the last on its connection', async () => {
  const stopping = new AbortController();
  const { app, get } = await serve({ over: () => ({ stopping: stopping.signal }) });
  expect((await app.inject('/healthz')).headers.connection).not.toBe('close');
  expect(await get('/readyz')).toMatchObject({ status: 200 });
  stopping.abort();
  expect(await get('/readyz')).toMatchObject({ status: 503, body: { code: 'TIDEMARK_API_UNAVAILABLE' } });
  const answer = await app.inject('/healthz');
  expect([answer.statusCode, answer.headers.connection]).toEqual([200, 'close']);
});

// Held up, it takes the whole grace of two seconds; a busy machine may take as long by itself now and then.
test('connections kept alive without a request hold nothing up', { retry: 3 }, async () => {
  const { served, address } = await gated('read', 1000);
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>((resolve, reject) => {
    get(`${address}/healthz`, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject);
  });
  const startedMs = performance.now();
  await served.app.close();
  expect(performance.now() - startedMs).toBeLessThan(1500);
  agent.destroy();
});

test('an export under way is torn off', async () => {
  const { served, address, gate } = await gated('scan', 2);
  const response = await fetch(`${address}/v1/customers/export`);
  expect(response.status).toBe(200);
  await gate.reached;
  const read = response.text();
  read.catch(() => {});
  const closed = served.app.close();
  await expect(read).rejects.toThrow();
  gate.open();
  await closed;
});

test('a request that does not finish is cut after the grace', async () => {
  const { served, address, gate } = await gated('read');
  const stuck = fetch(`${address}/v1/customers/c1`);
  stuck.catch(() => {});
  await gate.reached;
  await served.app.close();
  await expect(stuck).rejects.toThrow();
  gate.open();
});
