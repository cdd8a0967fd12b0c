import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inSlice } from '../lineage.ts';
import type { DeltaRow, ViewStore, Views } from '../port.ts';
import { COLUMNS, freshId, sampleDelta, sampleState } from '../testing/samples.ts';
import { collect } from '../testing/suite.ts';
import { openCassandraViews } from './cassandra-store.ts';
import { type FreshKeyspace, freshKeyspace, withClient } from './testing/fresh-keyspace.ts';

const node = cassandraOfRun();

describe.skipIf(node === null)('writes ordered by offsets', () => {
  const id = freshId();
  let keyspace: FreshKeyspace;
  let store: ViewStore;
  let views: Views;

  beforeAll(async () => {
    keyspace = freshKeyspace(node ?? '');
    store = await openCassandraViews(keyspace.url);
    views = await store.open({ id, columns: COLUMNS });
  });
  afterAll(async () => {
    await store?.close();
    await keyspace?.drop();
  });

  const query = (cql: string) =>
    withClient(node ?? '', async (client) => (await client.execute(cql.replaceAll('KS', keyspace.name))).rows);
  const loaded = async (row: DeltaRow) => (await views.loadDeltas([row]))[0] ?? null;

  test('every cell of a delta, a marker and a position has its offset as its time, and none is a tombstone', async () => {
    const nothing = { ...sampleDelta('ann', 3, 1, 41n), state: [0n, null, null, null, null, null, null, null] };
    await views.writeTouched([nothing]);
    await views.writeDeltas([nothing]);
    await views.writePosition(1, { offset: 41n, epoch: 3, previousEpoch: null, fingerprint: 'f', logId: 'log' });
    const names = ['last_offset', 'ids', ...COLUMNS.map(({ name }) => name)];
    const times = names.map((name) => `writetime(${name})`).join(', ');
    const [row] = await query(`SELECT ${times} FROM KS.delta_${id} WHERE customer_id = 'ann'`);
    expect(row?.values().map(String)).toEqual(names.map(() => '42'));
    const [position] = await query(
      `SELECT writetime(previous_epoch), writetime(epoch), writetime("offset") FROM KS.position_${id}`,
    );
    expect(position?.values().map(String)).toEqual(['42', '42', '42']);
    expect(await loaded(nothing)).toEqual(nothing);
  });

  test('of a row no column of an older write is left, and none of a late one comes in', async () => {
    const state = sampleState(7);
    const full = { ...sampleDelta('bob', 1, 0, 10n), state };
    const emptier = {
      ...sampleDelta('bob', 1, 0, 20n),
      state: state.map((value, index) => (index === 0 ? value : null)),
    };
    await views.writeDeltas([full]);
    await views.writeDeltas([emptier]);
    expect(await loaded(full)).toEqual(emptier);
    await views.writeDeltas([full]);
    expect(await loaded(full)).toEqual(emptier);
  });

  test('a delete at the cut takes the rows before it to the last offset, and is without effect on those from it on', async () => {
    const rows = [18n, 19n, 20n, 21n].map((offset) => sampleDelta(`at ${offset}`, 2, 0, offset));
    await views.writeDeltas(rows);
    await views.writeTouched(rows);
    await views.deleteDeltas(rows, 20n);
    await views.deleteDeltas(rows, 20n);
    const left = await views.loadDeltas(rows);
    expect(left.map(({ lastOffset }) => lastOffset).toSorted()).toEqual([20n, 21n]);
  });

  test('a delete that arrives before the write it was to follow wins nevertheless', async () => {
    const row = sampleDelta('late', 2, 0, 19n);
    await views.deleteDeltas([row], 20n);
    await views.writeDeltas([row]);
    expect(await loaded(row)).toBeNull();
    const beyond = { ...row, lastOffset: 20n };
    await views.writeDeltas([beyond]);
    expect(await loaded(row)).toEqual(beyond);
  });

  test('one partition’s delete touches no other partition of the same epoch, whatever their offsets are', async () => {
    const [small, large] = [sampleDelta('spread', 2, 0, 3n), sampleDelta('spread', 2, 1, 1_000_000n)];
    await views.writeDeltas([small, large]);
    await views.deleteDeltas([large], 2_000_000n);
    expect(await views.loadDeltas([small, large])).toEqual([small]);
    const later = sampleDelta('spread', 3, 0, 5n);
    await views.writeDeltas([later]);
    expect(await loaded(later)).toEqual(later);
  });

  test('markers are cleaned page by page, and reads start after what was deleted', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => ({ customerId: `m${index}`, epoch: 5, partition: 3 }));
    await views.writeTouched(keys);
    const seen: string[] = [];
    for (let round = 0; round < 100; round++) {
      const page = await views.touchedBelow(3, 6, 37);
      if (page.length === 0) break;
      seen.push(...page.map(({ customerId }) => customerId));
      await views.deleteDeltas(page, 900n);
    }
    expect(seen.toSorted()).toEqual(keys.map(({ customerId }) => customerId).toSorted());
    const entries = await query(`SELECT partition FROM KS.directory_${id} WHERE kind = 'touched' AND epoch = 5`);
    expect(entries).toEqual([]);
  });

  test('a marker whose row stays is found again, among however many that go', async () => {
    const rows = Array.from({ length: 120 }, (_, index) =>
      sampleDelta(`s${index}`, 5, 4, index % 3 === 0 ? 950n : 10n),
    );
    const staying = rows.filter(({ lastOffset }) => lastOffset === 950n).map(({ customerId }) => customerId);
    await views.writeTouched(rows);
    await views.writeDeltas(rows);
    await views.deleteDeltas(await views.touchedBelow(4, 6, 1000), 900n);
    const found = (await views.touchedBelow(4, 6, 1000)).map(({ customerId }) => customerId);
    expect(found.toSorted()).toEqual(staying.toSorted());
    expect((await collect(views.touched({ generation: 5, cutPartitions: new Set() }))).toSorted()).toEqual(
      staying.toSorted(),
    );
  });

  test('of many customers those of a partition that the cut has not yet are read with epoch 0', async () => {
    const fresh = await store.open({ id: freshId(), columns: COLUMNS });
    const rows = Array.from({ length: 40 }, (_, index) =>
      sampleDelta(`e${index}`, index % 2 === 0 ? 0 : 7, index % 3, 5n),
    );
    await fresh.writeTouched(rows);
    await fresh.writeDeltas(rows);
    const ids = rows.map(({ customerId }) => customerId);
    for (const cut of [
      [0, 1],
      [0, 1, 2],
    ]) {
      const slice = { generation: 7, cutPartitions: new Set(cut) };
      const read = await fresh.read(ids, null, slice);
      const expected = rows.map((row) => (inSlice(row.epoch, row.partition, slice) ? [row] : []));
      expect(read.map(({ deltas }) => deltas)).toEqual(expected);
    }
  });

  test('what is longer than a page of the driver comes whole', async () => {
    const candidates = Array.from({ length: 2500 }, (_, index) => ({ customerId: `c${index}`, score: BigInt(index) }));
    await views.writeCandidates(1, 'long', candidates);
    expect(await views.candidates(1, 'long', 2500)).toEqual(candidates.toReversed());
    const deltas = Array.from({ length: 1100 }, (_, index) => sampleDelta('busy', index + 10, 0, 1n));
    await views.writeDeltas(deltas);
    expect((await views.read(['busy'], null, null))[0]?.deltas).toHaveLength(1100);
  });

  test('an offset that leaves no time above it is refused', async () => {
    const refused = { code: 'TIDEMARK_VIEWS_VALUE' };
    await expect(views.writeDeltas([sampleDelta('last', 0, 0, 2n ** 63n - 1n)])).rejects.toMatchObject(refused);
    const position = { offset: 2n ** 63n - 1n, epoch: 0, previousEpoch: null, fingerprint: 'f', logId: 'log' };
    await expect(views.writePosition(0, position)).rejects.toMatchObject(refused);
  });
});
