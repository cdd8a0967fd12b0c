import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { Client, types } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { COLUMNS, freshId, sampleDelta, samplePointer, sampleState } from '../testing/samples.ts';
import { collect } from '../testing/suite.ts';
import { openCassandraViews } from './cassandra-store.ts';
import { type FreshKeyspace, freshKeyspace } from './testing/fresh-keyspace.ts';

type Sent = {
  readonly cql: string;
  readonly values: readonly unknown[];
  readonly options: Record<string, unknown>;
  readonly level: number;
};

const node = cassandraOfRun();

/** What goes to a node is looked at as the driver gets it: what these rules prevent shows itself only under bad luck. */
describe.skipIf(node === null)('every statement', () => {
  const sent: Sent[] = [];
  const inBatches: { readonly query: string; readonly params: readonly unknown[] }[] = [];
  const batchOptions: Record<string, unknown>[] = [];
  let keyspace: FreshKeyspace;

  beforeAll(async () => {
    keyspace = freshKeyspace(node ?? '');
    const { execute, batch } = Client.prototype;
    vi.spyOn(Client.prototype, 'execute').mockImplementation(async function (this: Client, ...given: unknown[]) {
      const result: types.ResultSet = await Reflect.apply(execute, this, given);
      const [cql, values, options] = given;
      const level = result.info.achievedConsistency;
      sent.push({
        cql: String(cql),
        values: Array.isArray(values) ? values : [],
        options: { ...Object(options) },
        level,
      });
      return result;
    });
    vi.spyOn(Client.prototype, 'batch').mockImplementation(async function (this: Client, ...given: unknown[]) {
      const [queries, options] = given;
      for (const each of Array.isArray(queries) ? queries : []) inBatches.push(each);
      batchOptions.push({ ...Object(options) });
      return await Reflect.apply(batch, this, given);
    });
    await everything();
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await keyspace?.drop();
  });

  async function everything(): Promise<void> {
    const store = await openCassandraViews(keyspace.url);
    const views = await store.open({ id: freshId(), columns: COLUMNS });
    const rows = Array.from({ length: 30 }, (_, index) => sampleDelta(`c${index}`, index % 2, 0, 5n, index));
    const nulls = { ...sampleDelta('nulls', 1, 0, 5n), state: [0n, null, null, null, null, null, null, null] };
    await views.writeTouched(rows);
    await views.writeDeltas([...rows, nulls]);
    await views.writeDeltas([nulls]);
    await views.writePosition(0, { offset: 5n, epoch: 1, previousEpoch: null, fingerprint: 'f', logId: 'log' });
    await views.positions();
    await views.writeBatch([...rows, nulls].map(({ customerId, state }) => ({ customerId, generation: 1, state })));
    await views.writeBatch([
      { customerId: 'gone', generation: 1, state: null },
      { customerId: 'c0', generation: 2, state: sampleState(1) },
    ]);
    await views.writeCandidates(1, 'clv', [{ customerId: 'c1', score: 1n }]);
    await views.writeCandidates(1, 'clv', [{ customerId: 'c1', score: 2n }]);
    await views.candidates(1, 'clv', 5);
    await views.writeDeadLetters(
      [0n, 2n ** 20n].map((offset) => ({ partition: 0, offset, code: 'X', reason: '', bytes: new Uint8Array() })),
    );
    await views.deadLetters({ after: null, limit: 5 });
    await views.countDeadLetters();
    await views.compareAndSetPointer(null, samplePointer(1));
    await views.compareAndSetPointer(samplePointer(1), samplePointer(2));
    await views.pointer();
    await store.compareAndSetServing(null, { serving: 'a', previous: null, untilMs: null });
    await store.serving();
    const slice = { generation: 1, cutPartitions: new Set<number>() };
    await views.read(['c0', 'c1'], { generation: 2, excluded: [2] }, slice);
    const page = await views.scan({ generation: 2, excluded: [] }, slice, { after: null, limit: 10 });
    await views.scan(null, slice, { after: page.cursor, limit: 10 });
    await views.versions({ after: null, limit: 10 });
    await collect(views.touched(slice));
    await views.loadDeltas(rows);
    await views.deleteDeltas(await views.touchedBelow(0, 1, 100), 9n);
    await views.deleteBatch([{ customerId: 'c0', generation: 1 }]);
    await views.deleteCandidates(1);
    await store.definitions();
    await store.close();
  }

  const all = () => [...sent, ...inBatches.map(({ query, params }) => ({ cql: query, values: params }))];
  const of = (table: RegExp) => all().filter(({ cql }) => table.test(cql));
  const writes = /^(?:INSERT|UPDATE|DELETE)/;

  test('is prepared, but for those that change the schema', () => {
    const plain = sent.filter(({ options }) => options.prepare === false);
    expect(plain.every(({ cql }) => /^CREATE (?:KEYSPACE|TABLE) IF NOT EXISTS/.test(cql))).toBe(true);
    expect(batchOptions.every(({ prepare, logged }) => prepare === true && logged === false)).toBe(true);
    expect(batchOptions.length).toBeGreaterThan(0);
  });

  test('on speed rows, markers and positions is ordered by offsets, bound as the driver’s Long', () => {
    const speed = of(/\."(?:delta|touched|position)_/).filter(({ cql }) => writes.test(cql));
    expect(speed.length).toBeGreaterThan(60);
    for (const { cql, values } of speed) {
      expect(cql).toContain('USING TIMESTAMP ?');
      expect(
        values.filter((value) => types.Long.isLong(value)),
        cql,
      ).toHaveLength(1);
    }
    // Full keys alone: a range would take one time for all partitions of the log.
    for (const { cql } of speed.filter((each) => /^DELETE.*"delta_/.test(each.cql)))
      expect(cql).toContain('WHERE customer_id = ? AND epoch = ? AND partition = ?');
  });

  test('binds no null, and leaves no column unset', () => {
    const absent = all().filter(
      ({ cql, values }) =>
        writes.test(cql) && values.some((value) => value === null || value === undefined || value === types.unset),
    );
    expect(absent.map(({ cql }) => cql)).toEqual([]);
  });

  test('on a compared row has a condition, or is a read at SERIAL', () => {
    const compared = sent.filter(
      ({ cql }) => /\."(?:live_pointer|serving|definition)"/.test(cql) && !cql.startsWith('CREATE'),
    );
    expect(compared.length).toBeGreaterThan(6);
    for (const { cql, level, options } of compared) {
      if (writes.test(cql)) {
        expect(cql).toMatch(/ IF (?:NOT EXISTS|EXISTS|attempt = \?)$/);
        expect(options.isIdempotent, 'the driver must not try it again by itself').toBe(false);
      } else expect(level).toBe(types.consistencies.serial);
    }
    expect(inBatches.some(({ query }) => / IF /.test(query))).toBe(false);
  });

  test('else is read and written by a quorum of the data centre', () => {
    const others = sent.filter(
      ({ cql }) =>
        /\."(?:batch|delta|touched|directory|position|candidate|processing_errors|error_index)_/.test(cql) &&
        !cql.startsWith('CREATE'),
    );
    expect(new Set(others.map(({ level }) => level))).toEqual(new Set([types.consistencies.localQuorum]));
  });
});
