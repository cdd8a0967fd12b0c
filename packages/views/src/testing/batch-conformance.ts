import { expect, test } from 'vitest';
import type { BatchRow, Views } from '../port.ts';
import { sampleState } from './samples.ts';
import { collectPages, type Suite } from './suite.ts';

export function batchConformance({ fresh }: Suite): void {
  const row = (customerId: string, generation: number): BatchRow => ({
    customerId,
    generation,
    state: sampleState(generation),
  });

  async function readOne(views: Views, customerId: string, generation: number, excluded: readonly number[] = []) {
    const [rows] = await views.read([customerId], { generation, excluded }, { generation, cutPartitions: new Set() });
    return rows?.batch ?? null;
  }

  test("a reader gets the newest row of its lineage, never an excluded generation's or a later one's", async () => {
    const views = await fresh();
    await views.writeBatch([row('ann', 1), row('ann', 3), row('ann', 4), row('ann', 9), row('bob', 3)]);
    expect(await readOne(views, 'ann', 4)).toEqual(row('ann', 4));
    expect(await readOne(views, 'ann', 8)).toEqual(row('ann', 4));
    expect(await readOne(views, 'ann', 8, [4])).toEqual(row('ann', 3));
    expect(await readOne(views, 'ann', 8, [3, 4])).toEqual(row('ann', 1));
    expect(await readOne(views, 'ann', 8, [1, 3, 4])).toBeNull();
    expect(await readOne(views, 'bob', 2)).toBeNull();
    const [alone] = await views.read(['ann'], null, null);
    expect(alone).toEqual({ customerId: 'ann', batch: null, deltas: [] });
  });

  test('an empty row says that the customer is gone, and hides the older ones', async () => {
    const views = await fresh();
    const gone: BatchRow = { customerId: 'ann', generation: 2, state: null };
    await views.writeBatch([row('ann', 1), gone]);
    expect(await readOne(views, 'ann', 2)).toEqual(gone);
    expect(await readOne(views, 'ann', 1)).toEqual(row('ann', 1));
    await views.writeBatch([{ ...row('ann', 1), state: null }]);
    expect(await readOne(views, 'ann', 1)).toEqual({ ...gone, generation: 1 });
  });

  test('writing a row again is without harm, and the last content of one write counts', async () => {
    const views = await fresh();
    const other = { ...row('ann', 1), state: sampleState(77) };
    await views.writeBatch([row('ann', 1), row('ann', 1)]);
    await views.writeBatch([row('ann', 1), row('bob', 1), other]);
    expect(await readOne(views, 'ann', 1)).toEqual(other);
    await views.writeBatch([]);
  });

  test('customers come back in the order asked, unknown ones and repeated ones too', async () => {
    const views = await fresh();
    await views.writeBatch([row('ann', 1), row('bob', 1), row('cleo', 1)]);
    const rows = await views.read(['cleo', 'nobody', 'ann', 'cleo'], { generation: 1, excluded: [] }, null);
    expect(rows.map(({ customerId, batch }) => [customerId, batch?.customerId ?? null])).toEqual([
      ['cleo', 'cleo'],
      ['nobody', null],
      ['ann', 'ann'],
      ['cleo', 'cleo'],
    ]);
    expect(await views.read([], { generation: 1, excluded: [] }, null)).toEqual([]);
  });

  test('more rows than one statement takes are written and read whole', async () => {
    const views = await fresh();
    const ids = Array.from({ length: 2500 }, (_, index) => `customer ${index}`);
    await views.writeBatch(ids.map((id) => row(id, 1)));
    const rows = await views.read(ids, { generation: 1, excluded: [] }, null);
    expect(rows.map((each) => each.batch?.customerId)).toEqual(ids);
  });

  test('versions name the customers with more than one row or an empty one, and deletes take exactly the keys given', async () => {
    const views = await fresh();
    await views.writeBatch([
      row('ann', 3),
      row('ann', 1),
      row('ann', 2),
      row('bob', 1),
      { customerId: 'cleo', generation: 4, state: null },
      row('dora', 1),
      { customerId: 'dora', generation: 2, state: null },
    ]);
    const all = () => collectPages((after) => views.versions({ after, limit: 1 }));
    const sorted = async () => (await all()).toSorted((a, b) => (a.customerId < b.customerId ? -1 : 1));
    expect(await sorted()).toEqual([
      { customerId: 'ann', generations: [1, 2, 3], empty: [] },
      { customerId: 'cleo', generations: [4], empty: [4] },
      { customerId: 'dora', generations: [1, 2], empty: [2] },
    ]);
    await views.deleteBatch([
      { customerId: 'ann', generation: 1 },
      { customerId: 'ann', generation: 2 },
      { customerId: 'cleo', generation: 4 },
      { customerId: 'bob', generation: 7 },
    ]);
    expect(await sorted()).toEqual([{ customerId: 'dora', generations: [1, 2], empty: [2] }]);
    expect(await readOne(views, 'ann', 9)).toEqual(row('ann', 3));
    expect(await readOne(views, 'bob', 9)).toEqual(row('bob', 1));
    expect(await readOne(views, 'cleo', 9)).toBeNull();
    await views.deleteBatch([]);
  });

  test('candidates come best first, ties by the UTF-8 bytes of the id, list by list and generation by generation', async () => {
    const views = await fresh();
    const tied = ['z', '\u{1F600}', '\uE000', 'é', 'Z', 'a', 'aa', '\uFF5E'];
    await views.writeCandidates(1, 'clv', [
      { customerId: 'low', score: -(10n ** 37n) },
      ...tied.map((customerId) => ({ customerId, score: 5n })),
      { customerId: 'high', score: 10n ** 38n - 1n },
    ]);
    await views.writeCandidates(1, 'at_risk', [{ customerId: 'ann', score: 1n }]);
    await views.writeCandidates(2, 'clv', [{ customerId: 'bob', score: 2n }]);
    const ids = async (generation: number, list: string, limit: number) =>
      (await views.candidates(generation, list, limit)).map(({ customerId }) => customerId);
    const best = ['high', 'Z', 'a', 'aa', 'z', 'é', '\uE000', '\uFF5E', '\u{1F600}', 'low'];
    expect(await ids(1, 'clv', 100)).toEqual(best);
    expect(await ids(1, 'clv', 4)).toEqual(best.slice(0, 4));
    expect(await views.candidates(1, 'at_risk', 10)).toEqual([{ customerId: 'ann', score: 1n }]);
    expect(await ids(1, 'unknown', 10)).toEqual([]);
    await views.writeCandidates(1, 'clv', [{ customerId: 'high', score: 0n }]);
    expect(await views.candidates(1, 'clv', 100)).toEqual([{ customerId: 'high', score: 0n }]);
    await views.writeCandidates(1, 'clv', []);
    expect(await ids(1, 'clv', 100)).toEqual([]);
    await views.writeCandidates(1, 'clv', [{ customerId: 'ann', score: 1n }]);
    await views.deleteCandidates(1);
    expect([await ids(1, 'clv', 10), await ids(1, 'at_risk', 10), await ids(2, 'clv', 10)]).toEqual([[], [], ['bob']]);
  });
}
