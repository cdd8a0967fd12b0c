import { expect, test } from 'vitest';
import type { DeadLetter, DeltaRow, Views } from '../port.ts';
import { sampleDelta, samplePosition, sampleState } from './samples.ts';
import { collect, type Suite } from './suite.ts';

export function deltaConformance({ fresh, capabilities }: Suite): void {
  const inKeyOrder = (rows: readonly DeltaRow[]) =>
    rows.toSorted((a, b) => a.epoch - b.epoch || a.partition - b.partition);

  async function deltasOf(views: Views, customerId: string, slice: Parameters<Views['read']>[2] = null) {
    const [rows] = await views.read([customerId], null, slice);
    return rows?.deltas ?? [];
  }

  test('a delta is written whole and loaded by its full key; unknown keys are left out', async () => {
    const views = await fresh();
    const rows = [sampleDelta('ann', 0, 0, 5n, 1), sampleDelta('ann', 0, 1, 6n, 2), sampleDelta('ann', 3, 0, 7n, 3)];
    await views.writeDeltas(rows);
    expect(inKeyOrder(await deltasOf(views, 'ann'))).toEqual(rows);
    const loaded = await views.loadDeltas([
      { customerId: 'ann', epoch: 3, partition: 0 },
      { customerId: 'ann', epoch: 3, partition: 1 },
      { customerId: 'bob', epoch: 0, partition: 0 },
    ]);
    expect(loaded).toEqual([rows[2]]);
    expect(await views.loadDeltas([])).toEqual([]);
    await views.writeDeltas([]);
  });

  test('a zombie can not push a row back: a lower last_offset has no effect', async () => {
    const views = await fresh();
    const newer = sampleDelta('ann', 0, 0, 10n, 2);
    await views.writeDeltas([newer]);
    await views.writeDeltas([sampleDelta('ann', 0, 0, 9n, 1)]);
    expect(await deltasOf(views, 'ann')).toEqual([newer]);
    const newest = sampleDelta('ann', 0, 0, 2n ** 62n, 3);
    await views.writeDeltas([newest]);
    expect(await deltasOf(views, 'ann')).toEqual([newest]);
  });

  test('the same row again has no effect', async () => {
    const views = await fresh();
    const row = sampleDelta('ann', 0, 0, 10n, 2);
    await views.writeDeltas([row]);
    await views.writeDeltas([row]);
    expect(await deltasOf(views, 'ann')).toEqual([row]);
    if (!capabilities.fencesEqualOffsets) return;
    await views.writeDeltas([sampleDelta('ann', 0, 0, 10n, 9)]);
    expect(await deltasOf(views, 'ann')).toEqual([row]);
  });

  test('within one write the highest last_offset of a key counts, in whatever order', async () => {
    const views = await fresh();
    const high = sampleDelta('ann', 1, 0, 12n, 3);
    await views.writeDeltas([
      sampleDelta('ann', 1, 0, 10n, 1),
      high,
      sampleDelta('ann', 1, 0, 11n, 2),
      sampleDelta('bob', 1, 0, 4n),
    ]);
    expect(await deltasOf(views, 'ann')).toEqual([high]);
  });

  test('writers that race leave the row of the highest last_offset', async () => {
    const views = await fresh();
    const customers = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const writes = Array.from({ length: 24 }, (_, index) => {
      const rows = customers.map((id) => sampleDelta(id, 0, 0, BigInt((index * 7) % 24), (index * 7) % 24));
      return index % 2 === 0 ? rows : rows.toReversed();
    });
    await Promise.all(writes.map((rows) => views.writeDeltas(rows)));
    for (const id of customers) expect(await deltasOf(views, id)).toEqual([sampleDelta(id, 0, 0, 23n, 23)]);
  });

  test('a slice takes the epochs from the generation on, and epoch 0 of partitions outside the cut', async () => {
    const views = await fresh();
    const rows = [0, 2, 3, 4].flatMap((epoch) =>
      [0, 1, 2].map((partition) => sampleDelta('ann', epoch, partition, 1n)),
    );
    await views.writeDeltas(rows);
    const slice = { generation: 3, cutPartitions: new Set([0, 2]) };
    const keys = inKeyOrder(await deltasOf(views, 'ann', slice)).map(({ epoch, partition }) => [epoch, partition]);
    expect(keys).toEqual([
      [0, 1],
      [3, 0],
      [3, 1],
      [3, 2],
      [4, 0],
      [4, 1],
      [4, 2],
    ]);
    expect(await deltasOf(views, 'ann', { generation: 5, cutPartitions: new Set([0, 1, 2]) })).toEqual([]);
    expect(await deltasOf(views, 'ann', null)).toHaveLength(12);
  });

  test('a partition outside the cut counts once it has a position, and with its first row of a later epoch', async () => {
    const views = await fresh();
    const rows = [sampleDelta('ann', 0, 1, 1n), sampleDelta('bob', 0, 2, 1n), sampleDelta('bob', 4, 2, 2n)];
    await views.writeTouched(rows);
    await views.writeDeltas(rows);
    const slice = { generation: 3, cutPartitions: new Set([0]) };
    const read = async (customer: string, ...known: readonly number[]) => {
      const positions = new Map(known.map((partition) => [partition, 1n]));
      const [found] = await views.read([customer], null, slice, positions);
      return inKeyOrder(found?.deltas ?? []).map(({ epoch, partition }) => [epoch, partition]);
    };
    // Ann's may be left out until then, but not the row before one that is seen.
    expect(await read('ann', 0, 1)).toEqual([[0, 1]]);
    expect(await read('bob', 0)).toEqual([
      [0, 2],
      [4, 2],
    ]);
  });

  test('touched names each customer of the slice once', async () => {
    const views = await fresh();
    const key = (customerId: string, epoch: number, partition: number) => ({ customerId, epoch, partition });
    await views.writeTouched([
      key('old', 2, 0),
      key('ann', 3, 0),
      key('ann', 4, 0),
      key('ann', 4, 1),
      key('new', 0, 1),
      key('first', 0, 0),
    ]);
    await views.writeTouched([key('ann', 3, 0), key('😀', 3, 1)]);
    await views.writeTouched([]);
    const touched = async (slice: Parameters<Views['touched']>[0]) => (await collect(views.touched(slice))).toSorted();
    expect(await touched({ generation: 3, cutPartitions: new Set([0]) })).toEqual(['ann', 'new', '😀']);
    expect(await touched({ generation: 5, cutPartitions: new Set([0, 1]) })).toEqual([]);
    expect(await touched(null)).toEqual(['ann', 'first', 'new', 'old', '😀']);
  });

  test('touched comes in pages of at most 1,000', async () => {
    const views = await fresh();
    const ids = Array.from({ length: 2300 }, (_, index) => `c${index}`);
    await views.writeTouched(ids.map((customerId) => ({ customerId, epoch: 0, partition: 0 })));
    const seen: string[] = [];
    for await (const page of views.touched(null)) {
      expect(page.length).toBeLessThanOrEqual(1000);
      seen.push(...page);
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  test('a position never moves back', async () => {
    const views = await fresh();
    expect(await views.positions()).toEqual(new Map());
    await views.writePosition(0, samplePosition(0n));
    await views.writePosition(7, samplePosition(2n ** 63n - 2n, 9, 4));
    await views.writePosition(0, samplePosition(5n, 2, 0));
    await views.writePosition(0, samplePosition(5n, 2, 0));
    await views.writePosition(0, samplePosition(4n));
    expect(await views.positions()).toEqual(
      new Map([
        [0, samplePosition(5n, 2, 0)],
        [7, samplePosition(2n ** 63n - 2n, 9, 4)],
      ]),
    );
  });

  test('cleaning finds the markers below an epoch of one partition and deletes rows and markers by full key', async () => {
    const views = await fresh();
    const rows = [0, 1, 2].flatMap((epoch) =>
      [0, 1].map((partition) => sampleDelta('ann', epoch, partition, BigInt(epoch * 10 + 5))),
    );
    await views.writeTouched(rows);
    await views.writeDeltas(rows);
    await views.writeTouched([{ customerId: 'row never written', epoch: 1, partition: 0 }]);
    const below = await views.touchedBelow(0, 2, 100);
    const keys = below.map(({ customerId, epoch, partition }) => `${customerId} ${epoch} ${partition}`).toSorted();
    expect(keys).toEqual(['ann 0 0', 'ann 1 0', 'row never written 1 0']);
    expect(await views.touchedBelow(0, 2, 2)).toHaveLength(2);
    await views.deleteDeltas(below, 20n);
    await views.deleteDeltas([], 20n);
    expect(await views.touchedBelow(0, 2, 100)).toEqual([]);
    const left = inKeyOrder(await deltasOf(views, 'ann')).map(({ epoch, partition }) => [epoch, partition]);
    expect(left).toEqual([
      [0, 1],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
    expect(await views.touchedBelow(1, 2, 100)).toHaveLength(2);
  });

  test("a delete leaves rows beyond the partition's own cut, and their markers", async () => {
    const views = await fresh();
    const rows = [sampleDelta('below', 1, 0, 19n), sampleDelta('at', 1, 0, 20n), sampleDelta('beyond', 1, 0, 21n)];
    await views.writeTouched(rows);
    await views.writeDeltas(rows);
    await views.deleteDeltas(rows, 20n);
    expect((await views.loadDeltas(rows)).map(({ customerId }) => customerId).toSorted()).toEqual(['at', 'beyond']);
    expect((await views.touchedBelow(0, 2, 10)).map(({ customerId }) => customerId).toSorted()).toEqual([
      'at',
      'beyond',
    ]);
  });

  test('a row written after a delete with a higher offset is there; a late older one comes back only where deletes are forgotten', async () => {
    const views = await fresh();
    await views.writeDeltas([sampleDelta('ann', 1, 0, 5n)]);
    await views.deleteDeltas([{ customerId: 'ann', epoch: 1, partition: 0 }], 20n);
    await views.writeDeltas([sampleDelta('ann', 1, 0, 4n)]);
    expect(await deltasOf(views, 'ann')).toHaveLength(capabilities.forgetsDeletes ? 1 : 0);
    const later = { ...sampleDelta('ann', 1, 0, 30n), state: sampleState(30) };
    await views.writeDeltas([later]);
    expect(await deltasOf(views, 'ann')).toEqual([later]);
  });

  test('dead letters are kept once by position, in order, page by page, and counted by code', async () => {
    const views = await fresh();
    const letter = (partition: number, offset: bigint, code = 'BAD_JSON'): DeadLetter => ({
      partition,
      offset,
      code,
      reason: `reason of ${offset}`,
      bytes: new Uint8Array([0, 255, 34, 92, Number(offset % 256n)]),
    });
    const all = [letter(0, 2n), letter(0, 10n), letter(0, 2n ** 40n, 'TOO_LARGE'), letter(1, 0n), letter(2, 3n)];
    await views.writeDeadLetters(all.toReversed());
    await views.writeDeadLetters([letter(0, 2n), { ...letter(0, 10n), reason: 'told otherwise' }, letter(0, 2n)]);
    await views.writeDeadLetters([]);
    const seen: DeadLetter[] = [];
    for (let page = await views.deadLetters({ after: null, limit: 2 }); page.length > 0; ) {
      expect(page.length).toBeLessThanOrEqual(2);
      seen.push(...page);
      page = await views.deadLetters({ after: seen.at(-1) ?? null, limit: 2 });
    }
    expect(seen.map(({ partition, offset, bytes, code }) => ({ partition, offset, bytes, code }))).toEqual(
      all.map(({ partition, offset, bytes, code }) => ({ partition, offset, bytes, code })),
    );
    expect(await views.countDeadLetters()).toEqual(
      new Map([
        ['BAD_JSON', 4n],
        ['TOO_LARGE', 1n],
      ]),
    );
  });

  test('a dead letter is kept whatever its reason quotes', async () => {
    const views = await fresh();
    await views.writeDeadLetters([
      { partition: 0, offset: 0n, code: 'X', reason: 'a\0b\uD800c😀', bytes: new Uint8Array() },
    ]);
    expect(await views.deadLetters({ after: null, limit: 1 })).toEqual([
      { partition: 0, offset: 0n, code: 'X', reason: 'a\uFFFDb\uFFFDc😀', bytes: new Uint8Array() },
    ]);
  });
}
