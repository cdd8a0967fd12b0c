import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ViewStore } from '../port.ts';
import { COLUMNS, freshId, sampleDelta, samplePointer, sampleState } from '../testing/samples.ts';
import { openCassandraViews } from './cassandra-store.ts';
import { type FreshKeyspace, freshKeyspace, withClient } from './testing/fresh-keyspace.ts';

const node = cassandraOfRun();

describe.skipIf(node === null)('tables', () => {
  let keyspace: FreshKeyspace;
  let stores: readonly ViewStore[] = [];
  const query = (cql: string) =>
    withClient(node ?? '', async (client) => (await client.execute(cql.replaceAll('KS', keyspace.name))).rows);

  // Nothing is there yet: whoever opens makes the keyspace and the shared tables, five at once.
  beforeAll(async () => {
    keyspace = freshKeyspace(node ?? '');
    stores = await Promise.all(Array.from({ length: 5 }, () => openCassandraViews(keyspace.url)));
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await keyspace?.drop();
  });

  const first = (): ViewStore => {
    const [store] = stores;
    if (store === undefined) throw new Error('The stores are there only while tests run.');
    return store;
  };

  test('clients that make them at once get one and the same, with nothing lost', async () => {
    const id = freshId();
    const clients = await Promise.all(stores.map((store) => store.open({ id, columns: COLUMNS })));
    await Promise.all(clients.map((views, index) => views.writeDeltas([sampleDelta(`c${index}`, 0, 0, 1n)])));
    for (const views of clients) {
      const rows = await views.read(['c0', 'c1', 'c2', 'c3', 'c4'], null, null);
      expect(rows.map(({ deltas }) => deltas.length)).toEqual([1, 1, 1, 1, 1]);
    }
  });

  test('of clients of which some drop and some open, those that opened last have whole tables', async () => {
    const id = freshId();
    await first().open({ id, columns: COLUMNS });
    await Promise.allSettled([
      first().drop(id),
      ...stores.slice(1).map((store) => store.open({ id, columns: COLUMNS })),
    ]);
    const views = await first().open({ id, columns: COLUMNS });
    await views.writeDeltas([sampleDelta('ann', 0, 0, 1n)]);
    expect((await views.read(['ann'], null, null))[0]?.deltas).toHaveLength(1);
    expect(await views.countDeadLetters()).toEqual(new Map());
    await views.compareAndSetPointer(null, samplePointer(1));
  });

  test('a drop that died half-way is finished by whoever opens the definition', async () => {
    const id = freshId();
    const views = await first().open({ id, columns: COLUMNS });
    await views.writeBatch([{ customerId: 'ann', generation: 1, state: sampleState(1) }]);
    await views.compareAndSetPointer(null, samplePointer(1));
    await query(`UPDATE KS.definition SET dropping = true WHERE id = '${id}' IF EXISTS`);
    await query(`DROP TABLE KS.touched_${id}`);
    const again = await first().open({ id, columns: COLUMNS });
    expect(await again.pointer()).toBeNull();
    expect((await again.read(['ann'], { generation: 1, excluded: [] }, null))[0]?.batch).toBeNull();
    // The new ones have other names: what comes late for the old ones does not get there.
    const gone = { code: 'TIDEMARK_VIEWS_GONE' };
    await expect(views.writeDeltas([sampleDelta('ann', 0, 0, 1n)])).rejects.toMatchObject(gone);
    await expect(views.compareAndSetPointer(null, samplePointer(1))).rejects.toMatchObject(gone);
    expect((await again.read(['ann'], null, null))[0]?.deltas).toEqual([]);
    expect(await first().definitions()).toContain(id);
    await first().drop(id);
    expect(await first().definitions()).not.toContain(id);
  });

  test('a data centre or a keyspace that is not there is a mistake in the URL', async () => {
    const wrong = { code: 'TIDEMARK_VIEWS_URL', retryable: false };
    await expect(
      openCassandraViews(`cassandra://${node}?dc=nowhere&keyspace=${keyspace.name}&rf=1`),
    ).rejects.toMatchObject(wrong);
    await expect(openCassandraViews(`cassandra://${node}?dc=datacenter1&keyspace=not_there`)).rejects.toMatchObject(
      wrong,
    );
  });

  test('a client that is closed leaves neither connections nor timers, whether it ever opened or not', async () => {
    const held = () => process.getActiveResourcesInfo().filter((name) => /^(?:TCP|Timeout)/.test(name)).length;
    const before = held();
    await openCassandraViews(`cassandra://${node}?dc=nowhere`).catch(() => {});
    await openCassandraViews('cassandra://127.0.0.1:1?dc=nowhere').catch(() => {});
    const store = await openCassandraViews(keyspace.url);
    await store.serving();
    await store.close();
    await expect.poll(held, { timeout: 10_000 }).toBeLessThanOrEqual(before);
  });

  test('a table that somebody else made in another way is refused, not used', async () => {
    const id = freshId();
    await query(`CREATE TABLE KS.batch_${id} (customer_id text PRIMARY KEY, generation int)`);
    await expect(first().open({ id, columns: COLUMNS })).rejects.toMatchObject({ code: 'TIDEMARK_VIEWS_DEFINITION' });
  });

  test('a person can read them: a column of its own type for each of the state, and no tombstone for what is absent', async () => {
    const id = freshId();
    const views = await first().open({ id, columns: COLUMNS });
    await views.writeDeltas([
      sampleDelta('ann', 4, 2, 9n, 7),
      { ...sampleDelta('bob', 4, 2, 9n), state: [3n, null, null, null, null, [], new Map(), new Map()] },
    ]);
    await views.writeBatch([{ customerId: 'ann', generation: 4, state: sampleState(7) }]);
    await views.compareAndSetPointer(null, samplePointer(4));
    const shown = `customer_id, last_offset, order_count, total_revenue, birth_year, last_order_date, segment,
      campaigns_engaged, tickets_by_category, tickets_30d`;
    const rows = await query(`SELECT JSON ${shown} FROM KS.delta_${id}`);
    const byId = rows
      .map((row) => JSON.parse(String(row.get(0))) as Record<string, unknown>)
      .sort((a, b) => String(a.customer_id).localeCompare(String(b.customer_id)));
    expect(byId).toEqual([
      {
        customer_id: 'ann',
        last_offset: 9,
        order_count: 7,
        total_revenue: 700,
        birth_year: 7,
        last_order_date: '1970-01-01 00:00:07.000Z',
        segment: 'segment 7',
        campaigns_engaged: ['campaign 7'],
        tickets_by_category: { billing: 8 },
        tickets_30d: { '1970-01-01 07:00:00.000Z': 1 },
      },
      expect.objectContaining({
        customer_id: 'bob',
        order_count: 3,
        segment: '',
        campaigns_engaged: [],
        tickets_by_category: {},
      }),
    ]);
    const [bob] = await query(
      `SELECT total_revenue, birth_year, last_order_date FROM KS.delta_${id} WHERE customer_id = 'bob'`,
    );
    expect(bob?.values()).toEqual([null, null, null]);
    const [batch] = await query(
      `SELECT empty, total_revenue FROM KS.batch_${id} WHERE customer_id = 'ann' AND generation = 4`,
    );
    expect(batch?.values().map(String)).toEqual(['false', '700']);
    const [pointer] = await query(`SELECT generation, publishing FROM KS.live_pointer WHERE definition = '${id}'`);
    expect(pointer?.values()).toEqual([4, 'on']);
  });
});
