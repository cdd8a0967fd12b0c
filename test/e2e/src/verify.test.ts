import { join } from 'node:path';
import { findEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { eventually } from '@tidemark/infra-local/testing';
import { define } from '@tidemark/metrics';
import { pinned, type Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { expect, test } from 'vitest';
import { RunningSystem, succeed, tidemark, withHome } from './tidemark.ts';

const definition = define('USD');

/** An order of anna's; another event id is another event, the same order number the same order. */
const order = (event: string, number: number): string =>
  `${JSON.stringify({
    event_id: event,
    event_type: 'order_placed',
    customer_id: 'anna',
    occurred_at: '2026-01-05T10:00:00Z',
    order_id: `order-${number}`,
    total_amount: '10.00',
  })}\n`;

/** Reaches into the running system's views, past everything that keeps them right. */
async function withViews(home: string, use: (views: Views) => Promise<void>): Promise<void> {
  const url = findEmbeddedPostgres(join(home, 'postgres'))?.url('tidemark');
  if (url === undefined) throw new Error('the system has no PostgreSQL of its own');
  const store = await openViews(url);
  try {
    await use(await store.open(definition));
  } finally {
    await store.close();
  }
}

/** Verifies until it ends with this code: the API shares what it read for a moment. */
const verifyEndsWith = (home: string, code: number, ...flags: string[]) =>
  eventually(`verify ends with ${code}`, 20_000, async () => {
    const result = await tidemark(['verify', '--json', '--home', home, ...flags]);
    return result.code === code ? JSON.parse(result.stdout) : null;
  });

const ordersAre = (home: string, count: number) =>
  eventually(`anna has ${count} orders`, 20_000, async () => {
    const { code, stdout } = await tidemark(['get', 'anna', '--json', '--home', home]);
    return code === 0 && JSON.parse(stdout).metrics.order_count === count ? true : null;
  });

test('verify tells a sound system from a damaged row, a lost delta and drift that is still to come', () =>
  withHome(async (home) => {
    const system = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order('e-1', 1) + order('e-2', 2));
    await ordersAre(home, 2);
    await succeed(['batch', 'run', '--home', home]);
    expect(await verifyEndsWith(home, 0, '--strict')).toMatchObject({
      customers: 1,
      differences: [],
      pending_drift: [],
    });

    await withViews(home, async (views) => {
      const { lineage, slice } = pinned(await views.pointer());
      const [rows] = await views.read(['anna'], lineage, slice);
      if (!rows?.batch?.state) throw new Error('anna has no batch row');
      const at = definition.columns.findIndex(({ name }) => name === 'total_revenue');
      await views.writeBatch([
        { ...rows.batch, state: rows.batch.state.map((value, index) => (index === at ? 1n : value)) },
      ]);
    });
    const damaged = await verifyEndsWith(home, 1);
    expect(damaged.differences).toContainEqual({
      customer_id: 'anna',
      metric: 'total_revenue',
      answered: '0.01',
      expected: '20.00',
    });
    await succeed(['batch', 'run', '--full', '--home', home]);
    await verifyEndsWith(home, 0, '--strict');

    await succeed(['send', '--home', home], order('e-3', 3));
    await ordersAre(home, 3);
    await withViews(home, async (views) => {
      const { lineage, slice } = pinned(await views.pointer());
      const [rows] = await views.read(['anna'], lineage, slice);
      for (const delta of rows?.deltas ?? []) await views.deleteDeltas([delta], delta.lastOffset + 1n);
    });
    expect((await verifyEndsWith(home, 1)).differences.map(({ metric }: { metric: string }) => metric)).toContain(
      'order_count',
    );
    await succeed(['batch', 'run', '--home', home]);
    await verifyEndsWith(home, 0, '--strict');

    // Placed a second time, under another id: right by the law, and the next generation will leave it out.
    await succeed(['send', '--home', home], order('e-4', 3));
    await ordersAre(home, 4);
    const drifting = await verifyEndsWith(home, 0);
    expect(drifting.pending_drift).toContainEqual({
      customer_id: 'anna',
      metric: 'order_count',
      answered: 4,
      expected: 3,
    });
    await verifyEndsWith(home, 1, '--strict');
    await system.end('SIGTERM');
  }));
