import type { ColumnValue } from '@tidemark/metrics';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredState } from '../port.ts';
import { arbitraryCustomerId, arbitraryState, assertProperty, COLUMNS, sampleDelta, sampleState } from './samples.ts';
import type { Suite } from './suite.ts';

export function valueConformance({ fresh }: Suite): void {
  test('any state that the columns may hold comes back bit for bit, in batch rows and in deltas', async () => {
    const views = await fresh();
    let generation = 0;
    const row = fc.record({
      customerId: arbitraryCustomerId,
      state: arbitraryState(COLUMNS),
      ids: fc
        .uint8Array({ maxLength: 4 })
        .map((bytes) => new Uint8Array(8 * bytes.length).map((_, index) => bytes[index % bytes.length] ?? 0)),
      lastOffset: fc.bigInt(0n, 2n ** 63n - 2n),
    });
    await assertProperty(
      fc.asyncProperty(
        fc.uniqueArray(row, { minLength: 1, maxLength: 20, selector: (each) => each.customerId }),
        async (rows) => {
          generation += 1;
          const batch = rows.map(({ customerId, state }) => ({ customerId, generation, state }));
          const deltas = rows.map((each) => ({ ...each, epoch: generation, partition: 0 }));
          await Promise.all([views.writeBatch(batch), views.writeDeltas(deltas)]);
          const ids = rows.map(({ customerId }) => customerId);
          const read = await views.read(ids, { generation, excluded: [] }, { generation, cutPartitions: new Set() });
          expect(read.map((each) => each.customerId)).toEqual(ids);
          read.forEach((each, index) => {
            expect(each.batch).toStrictEqual(batch[index]);
            expect(each.deltas.filter(({ epoch }) => epoch === generation)).toStrictEqual([deltas[index]]);
            expect(each.batch?.state?.map(inOrder)).toStrictEqual(batch[index]?.state.map(canonical));
          });
        },
      ),
      60,
    );
  });

  /** A value that its column, by name, must refuse; the rest of the state is fine. */
  const wrong: readonly (readonly [string, ColumnValue | undefined])[] = [
    ['order_count', 2n ** 63n],
    ['order_count', -(2n ** 63n) - 1n],
    ['order_count', 5],
    ['order_count', null],
    ['total_revenue', 10n ** 38n],
    ['total_revenue', -(10n ** 38n)],
    ['total_revenue', 1.5],
    ['birth_year', 2 ** 31],
    ['birth_year', 1.5],
    ['birth_year', Number.NaN],
    ['birth_year', 1n],
    ['last_order_date', 0.5],
    ['last_order_date', Number.POSITIVE_INFINITY],
    ['last_order_date', '2026-01-01'],
    ['segment', 'a\0b'],
    ['segment', '\uD800'],
    ['segment', '\uDC00x'],
    ['segment', undefined],
    ['campaigns_engaged', ['b', 'a']],
    ['campaigns_engaged', ['a', 'a']],
    ['campaigns_engaged', ['\u{1F600}', '\uE000']],
    ['campaigns_engaged', ['a\0']],
    ['tickets_by_category', new Map([['a', 0n]])],
    ['tickets_by_category', new Map([['a', 10n ** 38n]])],
    ['tickets_by_category', new Map([['a\0', 1n]])],
    ['tickets_by_category', new Map([[1, 1n]])],
    ['tickets_30d', new Map([[1.5, 1n]])],
    ['tickets_30d', new Map([['1', 1n]])],
  ];

  test('what a column does not hold is refused before anything is written', async () => {
    const views = await fresh();
    const refused = { code: 'TIDEMARK_VIEWS_VALUE', retryable: false };
    const good = sampleDelta('good', 0, 0, 1n);
    for (const [name, value] of wrong) {
      const at = COLUMNS.findIndex((column) => column.name === name);
      // Not every one is a value by its type: a caller's mistake is what is tried here.
      const state = sampleState(1).map((each, index) => (index === at ? value : each)) as StoredState;
      await expect(
        views.writeBatch([
          { customerId: 'good', generation: 1, state: sampleState(1) },
          { customerId: 'bad', generation: 1, state },
        ]),
        name,
      ).rejects.toMatchObject(refused);
      await expect(views.writeDeltas([good, { ...good, customerId: 'bad', state }]), name).rejects.toMatchObject(
        refused,
      );
    }
    const rows = await views.read(['good', 'bad'], { generation: 1, excluded: [] }, null);
    expect(rows.every(({ batch, deltas }) => batch === null && deltas.length === 0)).toBe(true);
  });

  test('keys and offsets out of range are refused', async () => {
    const views = await fresh();
    const good = sampleDelta('ann', 0, 0, 1n);
    const refused = { code: 'TIDEMARK_VIEWS_VALUE' };
    for (const bad of [
      { ...good, customerId: 'a\0' },
      { ...good, customerId: '' },
      { ...good, epoch: -1 },
      { ...good, epoch: 2 ** 31 },
      { ...good, partition: 0.5 },
      { ...good, lastOffset: -1n },
      { ...good, lastOffset: 2n ** 63n },
      { ...good, ids: new Uint8Array(7) },
      { ...good, state: good.state.slice(1) },
    ]) {
      await expect(views.writeDeltas([bad])).rejects.toMatchObject(refused);
    }
    await expect(views.writeTouched([{ ...good, epoch: Number.NaN }])).rejects.toMatchObject(refused);
    await expect(views.writeCandidates(1, 'x', [{ customerId: 'a', score: 10n ** 38n }])).rejects.toMatchObject(
      refused,
    );
  });

  test('an id that can not be a customer has no rows, and is not taken for another', async () => {
    const views = await fresh();
    await views.writeDeltas([sampleDelta('a\uFFFD', 0, 0, 1n)]);
    const ids = ['', 'a\0', 'a\uD800', 'x'.repeat(300)];
    expect(await views.read(ids, { generation: 1, excluded: [] }, null)).toEqual(
      ids.map((customerId) => ({ customerId, batch: null, deltas: [] })),
    );
  });

  test('what was written is not changed by what the caller does with it afterwards', async () => {
    const views = await fresh();
    const row = sampleDelta('ann', 0, 0, 1n, 3);
    await views.writeDeltas([row]);
    row.ids.fill(9);
    const [first] = await views.loadDeltas([row]);
    expect(first?.ids).toEqual(new Uint8Array(8).fill(3));
    first?.ids.fill(7);
    expect((await views.loadDeltas([row]))[0]?.ids).toEqual(new Uint8Array(8).fill(3));
  });
}

/** Maps in the one order in which every store gives them back: keys ascending. */
function canonical(value: ColumnValue): unknown {
  if (!(value instanceof Map)) return inOrder(value);
  const entries: [string | number, bigint][] = [...value];
  return entries.toSorted(([a], [b]) =>
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))),
  );
}

function inOrder(value: ColumnValue): unknown {
  return value instanceof Map ? [...value] : value;
}
