import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inSlice, newest } from '../lineage.ts';
import type { BatchRow, CustomerRows, DeltaRow, DeltaSlice, Lineage } from '../port.ts';
import { arbitraryCustomerId, assertProperty, sampleDelta, sampleState } from './samples.ts';
import { collect, collectPages, type Suite } from './suite.ts';

export function readConformance({ fresh }: Suite): void {
  const small = fc.nat({ max: 5 });
  const generation = fc.integer({ min: 1, max: 6 });
  const history = fc.record({
    ids: fc.uniqueArray(arbitraryCustomerId, { minLength: 1, maxLength: 8 }),
    batch: fc.array(fc.tuple(fc.nat({ max: 7 }), generation, fc.boolean()), { maxLength: 20 }),
    deltas: fc.array(fc.tuple(fc.nat({ max: 7 }), small, fc.nat({ max: 2 })), { maxLength: 20 }),
    lineage: fc.option(fc.record({ generation, excluded: fc.uniqueArray(generation, { maxLength: 3 }) })),
    cut: fc.uniqueArray(fc.nat({ max: 2 })),
    limit: fc.integer({ min: 1, max: 4 }),
  });

  test('read, scan and touched agree with the definitions of lineage and slice, for any rows', async () => {
    await assertProperty(
      fc.asyncProperty(history, async ({ ids, batch, deltas, lineage, cut, limit }) => {
        const views = await fresh();
        const idAt = (index: number) => ids[index % ids.length] ?? '';
        const batchRows: BatchRow[] = batch.map(([at, number, gone]) => ({
          customerId: idAt(at),
          generation: number,
          state: gone ? null : sampleState(number),
        }));
        const deltaRows = deltas.map(([at, epoch, partition]) => sampleDelta(idAt(at), epoch, partition, 1n));
        await views.writeBatch(batchRows);
        await views.writeTouched(deltaRows);
        await views.writeDeltas(deltaRows);
        const slice: DeltaSlice =
          lineage === null ? null : { generation: lineage.generation, cutPartitions: new Set(cut) };
        const expected = ids.map((id) => expectedRows(id, batchRows, deltaRows, lineage, slice));

        expect((await views.read(ids, lineage, slice)).map(canonical)).toEqual(expected.map(canonical));
        const scanned = await collectPages((after) => views.scan(lineage, slice, { after, limit }));
        const held = expected.filter((rows) => rows.batch !== null || rows.deltas.length > 0);
        expect(byId(scanned).map(canonical)).toEqual(byId(held).map(canonical));
        const touched = expected.filter((rows) => rows.deltas.length > 0).map(({ customerId }) => customerId);
        expect((await collect(views.touched(slice))).toSorted()).toEqual(touched.toSorted());
      }),
      40,
    );
  });

  test('a scan gives every customer that was there all along exactly once, whatever is written meanwhile', async () => {
    const views = await fresh();
    const ids = Array.from({ length: 300 }, (_, index) => `c${(index * 7919) % 1000}`);
    await views.writeBatch(
      ids.slice(0, 200).map((customerId) => ({ customerId, generation: 1, state: sampleState(1) })),
    );
    const onlyDeltas = ids.slice(200).map((id) => sampleDelta(id, 1, 0, 1n));
    await views.writeTouched(onlyDeltas);
    await views.writeDeltas(onlyDeltas);
    const lineage = { generation: 1, excluded: [] };
    const slice = { generation: 1, cutPartitions: new Set([0]) };
    let step = 0;
    const scanned = await collectPages(async (after) => {
      step += 1;
      const busy = ids.filter((_, index) => index % 10 === step % 10);
      const [page] = await Promise.all([
        views.scan(lineage, slice, { after, limit: 7 }),
        views.writeDeltas(
          [...busy, `late ${step}`, `a${step}`].map((id) => sampleDelta(id, 1, 0, BigInt(step + 10), step)),
        ),
        views.writeBatch(busy.map((customerId) => ({ customerId, generation: 2, state: sampleState(2) }))),
      ]);
      return page;
    });
    const seen = scanned.map(({ customerId }) => customerId);
    expect(new Set(seen).size).toBe(seen.length);
    const missing = ids.filter((id) => !seen.includes(id));
    expect(missing).toEqual([]);
    const inBatch = scanned.filter(({ customerId }) => ids.slice(0, 200).includes(customerId));
    expect(inBatch.every(({ batch }) => batch?.generation === 1)).toBe(true);
  });

  test('a scan of nothing is one empty page', async () => {
    const views = await fresh();
    expect(await collectPages((after) => views.scan(null, null, { after, limit: 10 }))).toEqual([]);
  });

  test('a customer with a single row fills a page, and the cursor goes on behind it', async () => {
    const views = await fresh();
    await views.writeDeltas([0, 1, 2, 3].map((epoch) => sampleDelta('ann', epoch, 0, 1n)));
    await views.writeDeltas([sampleDelta('bob', 0, 0, 1n)]);
    const scanned = await collectPages((after) => views.scan(null, null, { after, limit: 1 }));
    expect(byId(scanned).map(({ customerId, deltas }) => [customerId, deltas.length])).toEqual([
      ['ann', 4],
      ['bob', 1],
    ]);
  });
}

function expectedRows(
  customerId: string,
  batch: readonly BatchRow[],
  deltas: readonly DeltaRow[],
  lineage: Lineage | null,
  slice: DeltaSlice,
): CustomerRows {
  const own = batch.filter((row) => row.customerId === customerId);
  const taken = newest(
    own.map((row) => row.generation),
    lineage,
  );
  const counting = new Map(
    deltas
      .filter((row) => row.customerId === customerId && inSlice(row.epoch, row.partition, slice))
      .map((row) => [`${row.epoch} ${row.partition}`, row]),
  );
  return { customerId, batch: own.findLast((row) => row.generation === taken) ?? null, deltas: [...counting.values()] };
}

function canonical({ customerId, batch, deltas }: CustomerRows): CustomerRows {
  return { customerId, batch, deltas: deltas.toSorted((a, b) => a.epoch - b.epoch || a.partition - b.partition) };
}

function byId(rows: readonly CustomerRows[]): readonly CustomerRows[] {
  return rows.toSorted((a, b) => (a.customerId < b.customerId ? -1 : 1));
}
