import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session } from '@tidemark/duckdb';
import { type ColumnValue, define, rankListName, rankLists, UNRANKED_SCORE } from '@tidemark/metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, fromRecordBatch, type RowFile, type StateRow } from '../index.ts';
import { openDuckDbEngine } from './index.ts';
import { DIGEST } from './state-digest.ts';

const definition = define('USD');
const HOUR_MS = 3_600_000;
const barrierAtMs = Date.UTC(2026, 0, 15);

let folder: string;
let session: Session;
let engine: Engine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-engine-'));
  const options = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
  session = await openSession(options);
  engine = openDuckDbEngine(options);
});

afterAll(async () => {
  await engine.close();
  session.close();
  await rm(folder, { recursive: true });
});

const parquet = async (name: string, select: string): Promise<RowFile> => {
  const location = join(folder, `${name}.parquet`);
  await session.connection.run(`COPY (${select}) TO '${location}' (FORMAT parquet)`);
  return { location, import: null };
};

const orders = (
  from: number,
  to: number,
  amount: string,
) => `SELECT 0::INTEGER AS epoch, 0::INTEGER AS partition, i::BIGINT AS position,
  'c-' || (i % 7) AS customer_id, 'e-' || i AS event_id, ${barrierAtMs - HOUR_MS}::BIGINT AS occurred_at, 'o-' || i AS "key",
  'placed' AS kind, ${barrierAtMs - HOUR_MS}::BIGINT AS order_date, (${amount})::BIGINT AS total_amount, FALSE AS cancelled
  FROM range(${from}, ${to}) t(i)`;

const tickets = `SELECT 0::INTEGER AS epoch, 0::INTEGER AS partition, i::BIGINT AS position, 'c-' || (i % 7) AS customer_id,
  't-' || i AS event_id, 0::BIGINT AS occurred_at, 't-' || i AS "key", 'placed' AS kind, 'shipping' AS category, 'high' AS priority,
  ${barrierAtMs}::BIGINT - i * ${24 * HOUR_MS} AS created_date, NULL::BIGINT AS resolved_date FROM range(0, 60) t(i)`;

async function recomputeOver(rows: Record<string, readonly RowFile[]>, name: string): Promise<string> {
  const snapshot = join(folder, `${name}.snapshot`);
  await engine.recompute({ currency: 'USD', definitionId: definition.id, barrierAtMs, rows, snapshot });
  return snapshot;
}

async function changed(snapshot: string, base: string | null): Promise<Map<string, StateRow>> {
  const found = new Map<string, StateRow>();
  for await (const batch of engine.changes('USD', snapshot, base)) {
    for (const row of fromRecordBatch(definition.columns, batch)) found.set(row.customerId, row);
  }
  return found;
}

const column = (row: StateRow | undefined, name: string): ColumnValue | undefined =>
  row?.state[definition.columns.findIndex((candidate) => candidate.name === name)];

describe('the DuckDB engine', () => {
  it('recomputes every customer and gives the states back as they are held in memory', async () => {
    const rows = {
      orders: [await parquet('o1', orders(0, 700, '1000 + i'))],
      support_tickets: [await parquet('t1', tickets)],
    };
    const all = await changed(await recomputeOver(rows, 'g1'), null);
    expect([...all.keys()].sort()).toEqual(['c-0', 'c-1', 'c-2', 'c-3', 'c-4', 'c-5', 'c-6']);
    const row = all.get('c-3');
    expect(column(row, 'order_count')).toBe(100n);
    expect(column(row, 'total_revenue')).toBe(
      Array.from({ length: 100 }, (_, n) => 1003n + 7n * BigInt(n)).reduce((a, b) => a + b),
    );
    expect(column(row, 'first_order_date')).toBe(barrierAtMs - HOUR_MS);
    expect(column(row, 'tickets_by_category')).toEqual(new Map([['shipping', 9n]]));
    const hours = column(row, 'tickets_30d_by_hour');
    expect(hours).toEqual(
      new Map(
        [3, 10, 17, 24, 31].map((day) => [barrierAtMs / HOUR_MS - day * 24, 1n] as const).sort(([a], [b]) => a - b),
      ),
    );
    expect(column(row, 'segment')).toBeNull();
    expect(column(row, 'campaigns_engaged')).toEqual([]);
  });

  it('gives only the customers that differ from the base, and those that are gone', async () => {
    const first = [await parquet('o2', orders(0, 700, '1000'))];
    const base = await recomputeOver({ orders: first }, 'g2');
    expect(await changed(base, base)).toEqual(new Map());
    const more = await recomputeOver({ orders: [...first, await parquet('o3', orders(703, 704, '5'))] }, 'g3');
    expect([...(await changed(more, base)).keys()]).toEqual(['c-3']);
    const fewer = await recomputeOver(
      { orders: [await parquet('o4', `SELECT * FROM (${orders(0, 700, '1000')}) WHERE customer_id <> 'c-5'`)] },
      'g4',
    );
    const gone = await changed(fewer, base);
    expect([...gone.keys()]).toEqual(['c-5']);
    expect(gone.get('c-5')?.gone).toBe(true);
    expect((await engine.inspect('USD', fewer, base)).lost).toBe(1);
  });

  it.each([
    ['many', 3, 333],
    ['few', 100, 10],
  ])('gives of those that differ, %s, the same lists and maps as of all', async (share, every, customers) => {
    const of = (
      source: string,
      rows: string,
    ) => `SELECT 0::INTEGER AS epoch, 0::INTEGER AS partition, i::BIGINT AS position, 'c-' || (i % 997) AS customer_id,
      '${source}-' || i AS event_id, 0::BIGINT AS occurred_at, '${source}-' || i AS "key", 'placed' AS kind, ${rows} FROM range(0, 9000) t(i)`;
    const date = `${barrierAtMs}::BIGINT - (i % 40) * ${24 * HOUR_MS}`;
    const category = (i: string) => `['shipping', 'billing', 'ö', '__proto__'][1 + (${i}) % 4]`;
    const engagements = await parquet(
      `m1-${share}`,
      of(
        'm',
        `['email_open', 'email_click'][1 + i % 2] AS engagement, 'campaign-' || (i % 31) AS campaign_id, ${date} AS event_date`,
      ),
    );
    const snapshotOf = async (name: string, categoryAt: string) => {
      const row = `${category(categoryAt)} AS category, 'high' AS priority, ${date} AS created_date, NULL::BIGINT AS resolved_date`;
      const rows = { support_tickets: [await parquet(name, of('t', row))], marketing_events: [engagements] };
      return recomputeOver(rows, `g-${name}`);
    };
    const base = await snapshotOf(`t2-${share}`, 'i');
    const next = await snapshotOf(`t3-${share}`, `CASE WHEN i % 997 % ${every} = 0 THEN i + 1 ELSE i END`);
    const [differing, all] = [await changed(next, base), await changed(next, null)];
    expect(all.size).toBe(997);
    expect(differing.size).toBe(customers);
    for (const [customerId, row] of differing) expect(row).toEqual(all.get(customerId));
    expect(column(all.get('c-3'), 'campaigns_engaged')).toHaveLength(10);
  });

  it('finds the same changes from a base without digests, as snapshots had none once', async () => {
    const rows = (amount: string) =>
      parquet(`o-${amount}`, orders(0, 700, `CASE WHEN i % 7 = 2 THEN ${amount} ELSE 1 END`));
    const base = await recomputeOver({ orders: [await rows('2')] }, 'g10');
    const next = await recomputeOver({ orders: [await rows('3')] }, 'g11');
    const old = join(folder, 'g10-old.snapshot');
    await session.connection.run(
      `COPY (SELECT * EXCLUDE ${DIGEST} FROM read_parquet('${base}')) TO '${old}' (FORMAT parquet)`,
    );
    expect([...(await changed(next, old)).keys()]).toEqual(['c-2']);
    expect(await changed(base, old)).toEqual(new Map());
    expect([...(await changed(old, next)).keys()]).toEqual(['c-2']);
  });

  it('puts rows of an import before those of the log, by the number it is told', async () => {
    const sameOrder = (name: string, amount: number) =>
      parquet(
        name,
        `SELECT * REPLACE ('o-1' AS "key", '${name}' AS event_id, ${amount}::BIGINT AS total_amount) FROM (${orders(0, 1, '0')})`,
      );
    const files = [
      { ...(await sameOrder('i2', 2)), import: 2 },
      { ...(await sameOrder('i1', 1)), import: 1 },
      await sameOrder('log', 3),
    ];
    const all = await changed(await recomputeOver({ orders: files }, 'g5'), null);
    expect(column(all.get('c-0'), 'total_revenue')).toBe(2n);
  });

  it('ranks customers, ties by id', async () => {
    const top = async (snapshot: string, list: string, asOfMs: number, limit: number) =>
      (await engine.rankings('USD', snapshot, asOfMs, limit)).get(list);
    const snapshot = await recomputeOver(
      { orders: [await parquet('o6', orders(0, 14, 'CASE WHEN i % 7 < 3 THEN 500 ELSE 100 + i % 7 END'))] },
      'g6',
    );
    const best = await top(snapshot, 'total_revenue', barrierAtMs, 4);
    expect(best?.map(({ customerId, score }) => [customerId, score])).toEqual([
      ['c-0', 1000n],
      ['c-1', 1000n],
      ['c-2', 1000n],
      ['c-6', 212n],
    ]);
    const atRisk = await recomputeOver({ support_tickets: [await parquet('t6', tickets)] }, 'g7');
    const everyList = await engine.rankings('USD', atRisk, barrierAtMs, 2);
    expect([...everyList.keys()]).toEqual(rankLists(definition).map(({ name }) => name));
    expect(everyList.get('last_order_date')).toEqual([]);
    expect(everyList.get(rankListName('last_order_date', 'at_risk'))).toEqual([
      { customerId: 'c-0', score: UNRANKED_SCORE },
      { customerId: 'c-1', score: UNRANKED_SCORE },
    ]);
    expect(await top(atRisk, rankListName('tickets_total', 'at_risk'), barrierAtMs, 100)).toHaveLength(7);
    expect(await top(atRisk, rankListName('tickets_total', 'at_risk'), barrierAtMs + 60 * 24 * HOUR_MS, 100)).toEqual(
      [],
    );
  });

  it('ranks by scores of more than 64 bits', async () => {
    const rows = orders(0, 21, `CASE WHEN i % 7 < 2 THEN ${2n ** 62n} ELSE i END`);
    const snapshot = await recomputeOver({ orders: [await parquet('o12', rows)] }, 'g12');
    const lists = await engine.rankings('USD', snapshot, barrierAtMs, 3);
    expect(lists.get('total_revenue')).toEqual([
      { customerId: 'c-0', score: 3n * 2n ** 62n },
      { customerId: 'c-1', score: 3n * 2n ** 62n },
      { customerId: 'c-6', score: 39n },
    ]);
    expect(lists.get('avg_order_value')?.at(0)).toEqual({ customerId: 'c-0', score: 2n ** 62n });
  });

  it('gives the landed rows of the customers asked for, as history has them', async () => {
    const imported = await parquet(
      'o9',
      `SELECT * REPLACE (NULL::INTEGER AS epoch, NULL::INTEGER AS partition) FROM (${orders(0, 7, '7')})`,
    );
    const profile = `SELECT 3::INTEGER AS epoch, 1::INTEGER AS partition, ${2n ** 60n}::BIGINT AS position, 'o''c' AS customer_id,
      'p-1' AS event_id, 5::BIGINT AS occurred_at, 'p-1' AS "key", 'placed' AS kind, NULL::VARCHAR AS segment, TRUE AS segment_present,
      NULL::VARCHAR AS country, FALSE AS country_present, 1970::INTEGER AS birth_year, TRUE AS birth_year_present`;
    const rows = { orders: [{ ...imported, import: 4 }], profiles: [await parquet('p9', profile)] };
    const request = { currency: 'USD', definitionId: definition.id, rows, customerIds: ['c-3', "o'c", 'nobody'] };
    const found = await engine.histories(request);
    expect(found).toEqual([
      {
        customerId: 'c-3',
        source: 'orders',
        place: { source: 'import', number: 4, row: 3 },
        event: { event_id: 'e-3', occurred_at: barrierAtMs - HOUR_MS },
        key: 'o-3',
        kind: 'placed',
        row: { order_date: barrierAtMs - HOUR_MS, total_amount: 7n, cancelled: false },
      },
      {
        customerId: "o'c",
        source: 'profiles',
        place: { source: 'log', epoch: 3, partition: 1, offset: 2n ** 60n },
        event: { event_id: 'p-1', occurred_at: 5 },
        key: 'p-1',
        kind: 'placed',
        row: { segment: null, birth_year: 1970 },
      },
    ]);
    expect(found[1]?.row).toHaveProperty('country', undefined);
  });

  it('finds what the quality gate refuses', async () => {
    const snapshot = await recomputeOver({ orders: [await parquet('o8', orders(0, 7, 'i - 3'))] }, 'g8');
    expect(await engine.inspect('USD', snapshot, null)).toEqual({
      customers: 7,
      duplicateCustomers: 0,
      nulls: {},
      negativeMoney: { total_revenue: 3 },
      lost: null,
    });
  });

  it('refuses a definition its code does not have', async () => {
    const request = {
      currency: 'USD',
      definitionId: 'f'.repeat(16),
      barrierAtMs,
      rows: {},
      snapshot: join(folder, 'no'),
    };
    await expect(engine.recompute(request)).rejects.toMatchObject({ code: 'TIDEMARK_ENGINE_FAILED' });
  });

  it('fails with what its caller throws when told of progress, leaves no snapshot, and goes on', async () => {
    const rows = { orders: [await parquet('o9', orders(0, 70, '1000 + i'))] };
    const snapshot = join(folder, 'refused.snapshot');
    const told: string[] = [];
    const asked = engine.recompute(
      { currency: 'USD', definitionId: definition.id, barrierAtMs, rows, snapshot },
      (step) => {
        told.push(step);
        throw new Error('no more of it');
      },
    );
    await expect(asked).rejects.toThrow('no more of it');
    expect(told).toHaveLength(1);
    expect(existsSync(snapshot)).toBe(false);
    expect((await changed(await recomputeOver(rows, 'g9'), null)).size).toBe(7);
  });

  it('ends what it sends when nobody takes it any more', async () => {
    const many = `SELECT * REPLACE ('c-' || position AS customer_id) FROM (${orders(0, 100_000, '1000')})`;
    const snapshot = await recomputeOver({ orders: [await parquet('o10', many)] }, 'g10');
    // Left behind at its first batch: the loop ends when the process has ended it.
    for await (const batch of engine.changes('USD', snapshot, null)) if (batch.numRows > 0) break;
    expect((await changed(snapshot, null)).size).toBe(100_000);
  });

  it('says so when its process is gone, and leaves no call waiting', async () => {
    const doomed = openDuckDbEngine({ memoryLimit: '256MB', threads: 1, tempFolder: join(folder, 'spill') });
    await doomed.close();
    await expect(doomed.inspect('USD', 'x', null)).rejects.toMatchObject({
      code: 'TIDEMARK_ENGINE_GONE',
      retryable: true,
    });
  });
});
