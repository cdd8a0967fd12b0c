import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { eventually } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { openPool } from '@tidemark/postgres';
import { expect, test } from 'vitest';
import { noneLeft, RunningSystem, succeed, tidemark, withHome } from './tidemark.ts';

const BATCH_LAYER = fileURLToPath(new URL('../../../apps/batch-layer/dist/main.js', import.meta.url));

const order = (number: number): string =>
  `${JSON.stringify({
    event_id: `event-${number}`,
    event_type: 'order_placed',
    customer_id: 'anna',
    occurred_at: '2026-01-05T10:00:00Z',
    order_id: `order-${number}`,
    total_amount: '10.00',
  })}\n`;

const ordersAre = (home: string, count: number) =>
  eventually(`anna has ${count} orders`, 60_000, async () => {
    const { code, stdout } = await tidemark(['get', 'anna', '--json', '--home', home]);
    return code === 0 && JSON.parse(stdout).metrics.order_count === count ? true : null;
  });

/** Reaches into the database of a system that is stopped. */
async function inDatabase(home: string, use: (url: string) => Promise<void>): Promise<void> {
  const postgres = await startEmbeddedPostgres({ folder: join(home, 'postgres') });
  try {
    await use(postgres.url('tidemark'));
  } finally {
    await postgres.stop();
  }
}

/** Appends an order, does something while it is in the log, and has retention remove all that is there. */
async function appendAndForget(
  url: string,
  number: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  const log = await openLog(url);
  const text = new TextEncoder();
  await log.append([{ key: text.encode('anna'), value: text.encode(order(number).trim()) }]);
  await meanwhile();
  for (const [partition, { end }] of await log.bounds()) await log.truncate(partition, end);
  await log.close();
}

/** A run of the batch layer alone, on the stores of a stopped system. */
async function landAndPublish(home: string, url: string): Promise<void> {
  const env = { TIDEMARK_LOG_URL: url, TIDEMARK_VIEWS_URL: url, TIDEMARK_CATALOG_URL: url };
  const more = { TIDEMARK_LAKE_URL: join(home, 'lake'), TIDEMARK_BARRIER_DISTANCE: '0s' };
  const child = spawn(process.execPath, [BATCH_LAYER, 'run'], {
    env: { ...process.env, ...env, ...more },
    stdio: 'ignore',
  });
  await once(child, 'close');
  expect(child.exitCode).toBe(0);
}

test('everything but lake and log may be lost: tidemark rebuild makes it anew', () =>
  withHome(async (home) => {
    const first = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(1) + order(2));
    await ordersAre(home, 2);
    await succeed(['batch', 'run', '--home', home]);
    await succeed(['send', '--home', home], order(3));
    await ordersAre(home, 3);
    const early = await tidemark(['rebuild', '--home', home]);
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('Stop that one first')]);
    await first.end('SIGTERM');

    await inDatabase(home, async (url) => {
      const pool = openPool(url, { applicationName: 'test' });
      await pool.query('DROP SCHEMA tidemark_catalog CASCADE');
      await pool.query('DROP SCHEMA tidemark_views CASCADE');
      await pool.end();
    });

    expect(await succeed(['rebuild', '--home', home])).toMatch(/^Rebuilt: generation 2 published. 1 customers/);
    await noneLeft(home);
    const second = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(4));
    await ordersAre(home, 4);
    await eventually('verify finds nothing', 60_000, async () =>
      (await tidemark(['verify', '--strict', '--home', home])).code === 0 ? true : null,
    );
    await second.end('SIGTERM');
  }));

test('retention that ran past stopped layers is said loudly, and rebuild is the way out, with a loss only if it is accepted', () =>
  withHome(async (home) => {
    const first = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(1) + order(2));
    await ordersAre(home, 2);
    await succeed(['batch', 'run', '--home', home]);
    await first.end('SIGTERM');

    await inDatabase(home, (url) => appendAndForget(url, 3, () => landAndPublish(home, url)));

    const refused = await tidemark(['up', '--home', home, '--port', '0']);
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toContain('retention removed records that were never folded');

    await succeed(['rebuild', '--home', home]);
    const second = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(4));
    await ordersAre(home, 4);
    await eventually('verify finds nothing', 60_000, async () =>
      (await tidemark(['verify', '--strict', '--home', home])).code === 0 ? true : null,
    );
    await second.end('SIGTERM');

    // Two were not landed: this one, and the one that was sent last.
    await inDatabase(home, (url) => appendAndForget(url, 5));
    const lost = await tidemark(['rebuild', '--home', home]);
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('--accept-data-loss')]);
    expect(await succeed(['rebuild', '--home', home, '--accept-data-loss'])).toMatch(
      /\nMissing: [1-9]\d* records? at most/,
    );
    const third = await RunningSystem.start(home);
    await succeed(['send', '--home', home], order(6));
    await ordersAre(home, 4);
    await eventually('verify finds nothing', 60_000, async () =>
      (await tidemark(['verify', '--strict', '--home', home])).code === 0 ? true : null,
    );
    await third.end('SIGTERM');
  }));
