import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CassandraCluster, startCassandra } from '@tidemark/infra-local';
import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ViewsError } from '../error.ts';
import type { DeltaRow, ViewStore, Views } from '../port.ts';
import { COLUMNS, freshId, sampleDelta, samplePointer } from '../testing/samples.ts';
import { openCassandraViews } from './cassandra-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-views-outage-'));
const outage = { code: 'TIDEMARK_VIEWS_UNAVAILABLE', retryable: true };

describe.skipIf(cassandraOfRun() === null)('a node that fails', () => {
  let node: CassandraCluster;
  let store: ViewStore;
  let views: Views;

  beforeAll(async () => {
    node = await startCassandra({ folder: join(folder, 'node'), heapMb: 512, temporary: true, commitlogSync: 'batch' });
    store = await openCassandraViews(`cassandra://${node.contactPoints.join()}?dc=datacenter1&keyspace=views&rf=1`);
    views = await store.open({ id: freshId(), columns: COLUMNS });
  }, 300_000);
  afterAll(async () => {
    await store?.close();
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What is answered once the client has found the node again; it may lose a connection more than once on the way. */
  const whenBack = <T>(call: () => Promise<T>): Promise<T> => vi.waitFor(call, { timeout: 60_000, interval: 100 });

  test('after a kill and a restart everything that was acknowledged is there, and the same client goes on', async () => {
    const acknowledged: DeltaRow[] = [];
    let isRunning = true;
    const writer = async (name: number) => {
      for (let offset = 1n; isRunning; offset++) {
        const rows = Array.from({ length: 20 }, (_, index) => sampleDelta(`w${name} ${offset} ${index}`, 1, 0, offset));
        try {
          await views.writeDeltas(rows);
          acknowledged.push(...rows);
        } catch (error) {
          expect(error).toMatchObject(outage);
          return;
        }
      }
    };
    const writers = [0, 1, 2, 3].map(writer);
    await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(2000);
    const pointerSet = await views.compareAndSetPointer(null, samplePointer(1));
    await node.kill(1);
    isRunning = false;
    await Promise.all(writers);
    for (const call of [
      () => views.read(['ann'], null, null),
      () => views.scan(null, null, { after: null, limit: 10 }),
      () => views.pointer(),
      () => views.positions(),
      () => views.writeDeltas([sampleDelta('ann', 1, 0, 1n)]),
      () => views.compareAndSetPointer(samplePointer(1), samplePointer(2)),
      () => store.open({ id: freshId(), columns: COLUMNS }),
    ])
      await expect(call()).rejects.toMatchObject(outage);
    await node.start(1);
    const found = await whenBack(() => views.loadDeltas(acknowledged));
    expect(found.length).toBe(acknowledged.length);
    expect([pointerSet, (await whenBack(() => views.pointer()))?.generation]).toEqual([true, 1]);
  }, 300_000);

  test('a node that hangs is an outage in bounded time, no answer is given in part, and what hung is decided afterwards', async () => {
    const rows = Array.from({ length: 400 }, (_, index) => sampleDelta(`h${index}`, 1, 0, 1n));
    await views.writeDeltas(rows);
    const before = await views.pointer();
    const reading = views
      .read(
        rows.map(({ customerId }) => customerId),
        null,
        null,
      )
      .catch((error: unknown) => error);
    const setting = views.compareAndSetPointer(before, samplePointer(2)).catch((error: unknown) => error);
    node.pause(1);
    const [read, set] = await Promise.all([reading, setting]);
    node.resume(1);
    const generation = (await whenBack(() => views.pointer()))?.generation;
    if (Array.isArray(read)) expect(read.map(({ deltas }) => deltas.length)).toEqual(rows.map(() => 1));
    else expect(read).toMatchObject(outage);
    if (typeof set === 'boolean') expect(generation).toBe(set ? 2 : before?.generation);
    else expect(set).toBeInstanceOf(ViewsError);
  }, 120_000);
});

test('a node that can not be reached is an outage, told without the password', async () => {
  const opened = openCassandraViews('cassandra://ann:s3cret@127.0.0.1:1?dc=datacenter1&keyspace=none&rf=1');
  await expect(opened).rejects.toMatchObject(outage);
  await expect(opened).rejects.not.toThrow(/s3cret/);
});
