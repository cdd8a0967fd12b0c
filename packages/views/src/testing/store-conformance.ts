import { expect, test } from 'vitest';
import type { LivePointer, Serving } from '../port.ts';
import { COLUMNS, freshId, sampleDelta, samplePointer, samplePosition, sampleState } from './samples.ts';
import type { Suite } from './suite.ts';

export function storeConformance({ store, open, fresh }: Suite): void {
  test('the pointer is set only over what was expected, and comes back as it was set', async () => {
    const views = await fresh();
    expect(await views.pointer()).toBeNull();
    const first = samplePointer(1);
    const second = samplePointer(4, { excluded: [2, 3], floor: 1, publishing: 'paused' });
    expect(await views.compareAndSetPointer(first, second)).toBe(false);
    expect(await views.pointer()).toBeNull();
    expect(await views.compareAndSetPointer(null, first)).toBe(true);
    expect(await views.pointer()).toEqual(first);
    expect(await views.compareAndSetPointer(null, second)).toBe(false);
    expect(await views.compareAndSetPointer(first, second)).toBe(true);
    expect(await views.compareAndSetPointer(first, second)).toBe(false);
    expect(await views.pointer()).toEqual(second);
    const empty = samplePointer(5, { cut: { partitions: new Map(), imports: 0 } });
    expect(await views.compareAndSetPointer(second, empty)).toBe(true);
    expect(await views.pointer()).toEqual(empty);
  });

  const differences: readonly Partial<LivePointer>[] = [
    { generation: 2 },
    { floor: 0 },
    { excluded: [7] },
    { cut: { partitions: new Map([[0, 100n]]), imports: 2 } },
    {
      cut: {
        partitions: new Map([
          [0, 100n],
          [1, 2n ** 62n + 1n],
        ]),
        imports: 2,
      },
    },
    {
      cut: {
        partitions: new Map([
          [0, 100n],
          [1, 2n ** 62n],
        ]),
        imports: 3,
      },
    },
    { logId: 'log 2' },
    { barrierAtMs: 1_700_000_000_124 },
    { publishing: 'paused' },
    { publishedAtMs: 1_700_000_001_457 },
  ];

  test('an expectation that is wrong in any one field sets nothing', async () => {
    const views = await fresh();
    await views.compareAndSetPointer(null, samplePointer(1));
    for (const difference of differences) {
      expect(await views.compareAndSetPointer(samplePointer(1, difference), samplePointer(9))).toBe(false);
    }
    expect(await views.pointer()).toEqual(samplePointer(1));
  });

  test('of clients that race for the pointer exactly one wins, every time', async () => {
    const id = freshId();
    const clients = await Promise.all(
      [store(), await open(), await open()].map((each) => each.open({ id, columns: COLUMNS })),
    );
    let expected: LivePointer | null = null;
    for (let round = 1; round <= 20; round++) {
      const before: LivePointer | null = expected;
      const wanted = clients.map((_, index) => samplePointer(round, { publishedAtMs: round * 10 + index }));
      const won: boolean[] = await Promise.all(
        clients.map((client, index) => client.compareAndSetPointer(before, wanted[index] ?? samplePointer(99))),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expected = wanted[won.indexOf(true)] ?? null;
      for (const client of clients) expect(await client.pointer()).toEqual(expected);
    }
  });

  test('which definition is served is set only over what was expected, by one of those who race', async () => {
    const clients = [store(), await open()];
    let expected = await store().serving();
    for (let round = 0; round < 10; round++) {
      const before: Serving | null = expected;
      const wanted: Serving[] = clients.map((_, index) =>
        index === 0
          ? { serving: freshId(), previous: before?.serving ?? null, untilMs: 1_700_000_000_001 + round }
          : { serving: freshId(), previous: null, untilMs: null },
      );
      const won = await Promise.all(
        clients.map((client, index) =>
          client.compareAndSetServing(before, wanted[index] ?? { serving: 'x', previous: null, untilMs: null }),
        ),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expected = wanted[won.indexOf(true)] ?? null;
      for (const client of clients) expect(await client.serving()).toEqual(expected);
      if (expected !== null) {
        expect(
          await store().compareAndSetServing(
            { ...expected, untilMs: 7 },
            { serving: 'x', previous: null, untilMs: null },
          ),
        ).toBe(false);
      }
      expect(await store().compareAndSetServing(null, { serving: 'x', previous: null, untilMs: null })).toBe(false);
    }
  });

  test('processes that start at once make the tables of a definition once', async () => {
    const id = freshId();
    const stores = await Promise.all([open(), open(), open(), open()]);
    const clients = await Promise.all(stores.map((each) => each.open({ id, columns: COLUMNS })));
    await Promise.all(clients.map((views, index) => views.writeDeltas([sampleDelta(`c${index}`, 0, 0, 1n)])));
    const rows = await clients[0]?.read(['c0', 'c1', 'c2', 'c3'], null, null);
    expect(rows?.map(({ deltas }) => deltas.length)).toEqual([1, 1, 1, 1]);
    expect((await store().definitions()).filter((each) => each === id)).toEqual([id]);
  });

  test('two definitions live side by side, and dropping one leaves the other', async () => {
    const [one, other] = [freshId(), freshId()];
    const narrow = [{ name: 'order_count', type: 'int64' }] as const;
    const first = await store().open({ id: one, columns: narrow });
    const second = await store().open({ id: other, columns: COLUMNS });
    const narrowRow = { customerId: 'ann', generation: 1, state: [7n] };
    const wideRow = { customerId: 'ann', generation: 1, state: sampleState(8) };
    await first.writeBatch([narrowRow]);
    await second.writeBatch([wideRow]);
    await first.compareAndSetPointer(null, samplePointer(1));
    const lineage = { generation: 1, excluded: [] };
    expect((await first.read(['ann'], lineage, null))[0]?.batch).toEqual(narrowRow);
    expect((await second.read(['ann'], lineage, null))[0]?.batch).toEqual(wideRow);
    expect(await second.pointer()).toBeNull();
    expect(await store().definitions()).toEqual(expect.arrayContaining([one, other]));

    // As code that knows no columns finds them.
    const found = await (await open()).find(one);
    expect(await found?.pointer()).toEqual(samplePointer(1));
    expect((await found?.read(['ann'], lineage, null))?.[0]?.batch).toEqual(narrowRow);
    const unknown = freshId();
    expect(await store().find(unknown)).toBeNull();
    expect(await store().definitions()).not.toContain(unknown);

    await store().drop(one);
    await store().drop(one);
    expect(await store().definitions()).not.toContain(one);
    expect(await store().find(one)).toBeNull();
    await expect(first.read(['ann'], lineage, null)).rejects.toMatchObject({
      code: 'TIDEMARK_VIEWS_GONE',
      retryable: false,
    });
    expect((await second.read(['ann'], lineage, null))[0]?.batch).toEqual(wideRow);
    const again = await store().open({ id: one, columns: narrow });
    expect((await again.read(['ann'], lineage, null))[0]?.batch).toBeNull();
    expect(await again.pointer()).toBeNull();
  });

  test('who held on to a definition that was dropped and made anew neither reads nor writes in the new one', async () => {
    const id = freshId();
    const definition = { id, columns: COLUMNS };
    const before = await store().open(definition);
    await before.writePosition(0, samplePosition(1n));
    await store().drop(id);
    const [one, other] = [await open(), await open()];
    const [anew, alsoAnew] = await Promise.all([one.open(definition), other.open(definition)]);
    const gone = { code: 'TIDEMARK_VIEWS_GONE', retryable: false };
    await expect(before.writeDeltas([sampleDelta('ann', 0, 0, 1n)])).rejects.toMatchObject(gone);
    await expect(
      before.writeBatch([{ customerId: 'ann', generation: 1, state: sampleState(1) }]),
    ).rejects.toMatchObject(gone);
    await expect(before.writePosition(0, samplePosition(2n))).rejects.toMatchObject(gone);
    await expect(before.compareAndSetPointer(null, samplePointer(1))).rejects.toMatchObject(gone);
    await anew.writeDeltas([sampleDelta('ann', 0, 0, 7n)]);
    await expect(before.read(['ann'], null, null)).rejects.toMatchObject(gone);
    expect((await alsoAnew.read(['ann'], null, null))[0]?.deltas.map(({ lastOffset }) => lastOffset)).toEqual([7n]);
    expect(await anew.positions()).toEqual(new Map());
    expect(await (await store().find(id))?.pointer()).toBeNull();
    expect(await anew.compareAndSetPointer(null, samplePointer(2))).toBe(true);
    expect((await store().definitions()).filter((each) => each === id)).toEqual([id]);

    await store().drop(id);
    await expect(anew.writeDeltas([sampleDelta('ann', 0, 0, 9n)])).rejects.toMatchObject(gone);
    expect(await store().find(id)).toBeNull();
    expect(await (await store().open(definition)).pointer()).toBeNull();
  });

  test('views are never migrated: other columns under the same id are refused', async () => {
    const id = freshId();
    await store().open({ id, columns: COLUMNS });
    await store().open({ id, columns: COLUMNS });
    const refused = { code: 'TIDEMARK_VIEWS_DEFINITION', retryable: false };
    for (const columns of [
      COLUMNS.slice(1),
      COLUMNS.toReversed(),
      COLUMNS.map(({ name }) => ({ name, type: 'text' as const })),
    ]) {
      await expect(store().open({ id, columns })).rejects.toMatchObject(refused);
    }
  });

  test.each(['', 'XYZ', '../a', `"`, 'a'.repeat(41)])('an id that is no short hex is refused: %j', async (id) => {
    await expect(store().open({ id, columns: COLUMNS })).rejects.toMatchObject({ code: 'TIDEMARK_VIEWS_DEFINITION' });
  });

  test.each(['customer_id', 'a-b', 'Select', '', 'a b', `x"; drop`])(
    'a column that no store could have is refused: %j',
    async (name) => {
      const columns = [{ name, type: 'int64' }] as const;
      await expect(store().open({ id: freshId(), columns })).rejects.toMatchObject({
        code: 'TIDEMARK_VIEWS_DEFINITION',
      });
    },
  );
}
