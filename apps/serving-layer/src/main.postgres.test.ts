import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { define } from '@tidemark/metrics';
import { openViews } from '@tidemark/views/open';
import { expect, onTestFinished, test } from 'vitest';
import { order, SampleShop } from './testing/sample-shop.ts';

const database = testDatabase();

/** The app as its supervisor starts it, from source; its first message says where it listens. */
async function start(env: Readonly<Record<string, string>>): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), {
    execArgv: ['--conditions=tidemark-source', '--import', 'tsx'],
    env: { PATH: process.env.PATH, ...env },
    silent: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [message] = await once(child, 'message');
  expect(message).toMatchObject({ type: 'ready', app: 'serving-layer' });
  return { child, url: String((message as { url: string }).url) };
}

test('the app answers over real stores, and stops within its time when it is told to', async () => {
  const store = await openViews(database.url());
  onTestFinished(() => store.close());
  const definition = define('USD');
  const shop = new SampleShop(definition, await store.open(definition));
  await shop.publish(1, { ann: [order('o1', '100.00', '2024-01-01T00:00:00Z')] }, { 0: 3n });
  const { child, url } = await start({
    TIDEMARK_LOG_URL: database.url(),
    TIDEMARK_VIEWS_URL: database.url(),
    TIDEMARK_CATALOG_URL: database.url(),
    TIDEMARK_PORT: '0',
  });
  const json = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`)).json();
  expect(await json('/v1/customers/ann')).toMatchObject({
    metrics: { total_revenue: '100.00' },
    provenance: { generation: 1, staleness_ms: 0 },
  });
  expect(await json('/readyz')).toEqual({ ready: true, generation: 1 });
  expect(await json('/v1/generations')).toMatchObject({ live: 1, generations: [] });
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});
