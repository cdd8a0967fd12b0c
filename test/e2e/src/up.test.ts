import { createServer } from 'node:net';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { eventually, processesOf } from '@tidemark/infra-local/testing';
import { define } from '@tidemark/metrics';
import { openViews } from '@tidemark/views/open';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { noneLeft, RunningSystem, succeed, tidemark, withHome } from './tidemark.ts';

const customer = z.object({
  metrics: z.object({ order_count: z.int(), total_revenue: z.string() }),
  provenance: z.object({ generation: z.int().nullable() }),
});

const order = (number: number, amount = '10.00'): string =>
  `${JSON.stringify({
    event_id: `event-${number}`,
    event_type: 'order_placed',
    customer_id: 'anna',
    occurred_at: '2026-01-05T10:00:00Z',
    order_id: `order-${number}`,
    total_amount: amount,
  })}\n`;

/** Waits until the customer has so many orders, wherever they come from. */
const orders = (home: string, count: number) =>
  eventually(`anna has ${count} orders`, 60_000, async () => {
    const { code, stdout } = await tidemark(['get', 'anna', '--json', '--home', home]);
    if (code !== 0) return null;
    const answer = customer.parse(JSON.parse(stdout));
    return answer.metrics.order_count === count ? answer : null;
  });

const live = async (home: string): Promise<number | null> =>
  z
    .array(z.object({ generation: z.int(), live: z.boolean() }))
    .parse(JSON.parse(await succeed(['batch', 'generations', '--json', '--home', home])))
    .find((row) => row.live)?.generation ?? null;

test('an event that was sent is answered, recomputed, and still there after a rollback', () =>
  withHome(async (home) => {
    const system = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(1) + order(2));
    expect((await orders(home, 2)).provenance.generation).toBeNull();

    await succeed(['batch', 'run', '--home', home]);
    await succeed(['send', '--home', home], order(3));
    await succeed(['batch', 'run', '--home', home]);
    expect(await live(home)).toBe(2);
    await succeed(['batch', 'rollback', '--home', home]);
    expect(await live(home)).toBe(1);
    const { metrics, provenance } = await orders(home, 3);
    expect(metrics.total_revenue).toBe('30.00');
    expect(provenance.generation).toBe(1);

    const status = JSON.parse(await succeed(['status', '--json', '--home', home]));
    expect(status).toMatchObject({ ready: true, publishing: 'paused', generation: 1, currency: 'USD' });
    expect(await system.end('SIGTERM')).toBeLessThan(5_000);
    expect(system.exitCode).toBe(0);
    await noneLeft(home);
  }));

test('a second start on the same folder is refused and names the first; another folder runs beside it', () =>
  withHome(async (home) => {
    const system = await RunningSystem.start(home);
    const second = await tidemark(['up', '--home', home, '--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`already runs in ${home} (process ${system.pid})`);
    await withHome(async (other) => {
      const beside = await RunningSystem.start(other);
      await succeed(['send', '--home', other], order(1));
      await orders(other, 1);
      expect((await tidemark(['get', 'anna', '--home', home])).code).toBe(1);
      expect(await beside.end('SIGINT', 'group')).toBeLessThan(5_000);
      await noneLeft(other);
    });
    expect(await system.end('SIGINT', 'group')).toBeLessThan(5_000);
    await noneLeft(home);
  }));

test('a port in use is said before anything is started', () =>
  withHome(async (home) => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    try {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const { code, stderr } = await tidemark(['up', '--home', join(home, 'data'), '--port', String(port)]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^tidemark: Port \d+ on 127.0.0.1 is in use.*--port/);
      await noneLeft(home);
    } finally {
      server.close();
    }
  }));

test('a speed layer that is killed is started again and loses nothing', () =>
  withHome(async (home) => {
    const system = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(1));
    await orders(home, 1);
    const killed = system.pidOf('speed layer');
    if (killed === null) throw new Error('no speed layer');
    process.kill(killed, 'SIGKILL');
    await succeed(['send', '--home', home], order(2));
    await orders(home, 2);
    expect(system.pidOf('speed layer')).not.toBe(killed);
    expect(system.said).toContain('the speed layer ended (SIGKILL); it is started again');
    expect(await system.end('SIGTERM')).toBeLessThan(5_000);
  }));

test('nothing outlives a supervisor that was killed, and the next start goes on where it was', () =>
  withHome(async (home) => {
    const first = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(1));
    await orders(home, 1);
    const before = processesOf(home);
    await first.end('SIGKILL');
    // At once: what the killed one left may still be on its way out.
    const second = await RunningSystem.start(home);
    await orders(home, 1);
    expect(processesOf(home).filter((pid) => before.includes(pid))).toEqual([]);

    await second.end('SIGKILL');
    await noneLeft(home, 10_000);
    expect((await tidemark(['get', 'anna', '--home', home])).stderr).toContain('tidemark up');
  }));

test('a start under another definition rebuilds the views from lake and log before it is ready', () =>
  withHome(async (home) => {
    const first = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(1) + order(2));
    await orders(home, 2);
    await succeed(['batch', 'run', '--home', home]);
    await succeed(['send', '--home', home], order(3));
    await orders(home, 3);
    await first.end('SIGTERM');

    // As if other code had made all there is: its tables are there, those of this code are not.
    const { id, columns } = define('USD');
    const other = 'feedfacefeedface';
    const postgres = await startEmbeddedPostgres({ folder: join(home, 'postgres') });
    const store = await openViews(postgres.url('tidemark'));
    await store.open({ id: other, columns });
    await store.compareAndSetServing(await store.serving(), { serving: other, previous: null, untilMs: null });
    await store.drop(id);
    await store.close();
    await postgres.stop();

    const second = await RunningSystem.start(home);
    expect(second.said).toContain(`definition ${id} instead of ${other}`);
    expect(second.said).toMatch(/rebuild +generation \d+ of 1 customers/);
    await orders(home, 3);
    expect(JSON.parse(await succeed(['status', '--json', '--home', home]))).toMatchObject({
      served: id,
      definition: id,
    });
    await second.end('SIGTERM');
  }));

test('the demo shows its history when it is ready, sends live records, and goes on with its sequence', () =>
  withHome(async (home) => {
    const flags = ['--demo', '--demo-history', '2000', '--demo-rate', '50'];
    const first = await RunningSystem.start(home, flags);
    const records = async () =>
      z
        .object({ partitions: z.array(z.object({ end: z.string() })), generation: z.int() })
        .parse(JSON.parse(await succeed(['status', '--json', '--home', home])))
        .partitions.reduce((sum, { end }) => sum + Number(end), 0);
    await eventually('live records arrive', 60_000, async () => ((await records()) > 60 ? true : null));
    expect(await succeed(['top', '--limit', '3', '--home', home])).toContain('c-000000');
    expect(await first.end('SIGTERM')).toBeLessThan(5_000);

    const wrong = await tidemark(['up', '--home', home, '--port', '0']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('--demo')]);
    const second = await RunningSystem.start(home, flags);
    const resumed = await records();
    await eventually('live records go on', 60_000, async () => ((await records()) > resumed ? true : null));
    await second.end('SIGINT', 'group');
    await noneLeft(home);
  }));
