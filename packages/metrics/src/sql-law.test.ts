import type { HistoryRecord } from '@tidemark/oracle';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  asOf,
  dividedBy,
  type Expression,
  metric,
  plus,
  type SqlInteger,
  times,
  whole,
  wholeDays,
} from './expression.ts';
import { mergeView, rankScore } from './merged-view.ts';
import { rankSql } from './sql/rank.ts';
import { foldedBatch } from './testing/consolidated.ts';
import { Duck } from './testing/duck.ts';
import { histories, INT64_MAX } from './testing/histories.ts';
import { type History, replay } from './testing/history.ts';
import { LAW_DEFINITION } from './testing/law-registry.ts';
import { plainState } from './testing/plain-state.ts';
import { seeded } from './testing/seed.ts';

const parameters = seeded('the SQL law', 400);

/** Each history becomes a customer's own: partitions and imports are shared, places in them are not. */
function ofCustomer(history: History, index: number): readonly HistoryRecord[] {
  return history.records.map((record) => {
    const event = { ...record.event, customer_id: customer(index) };
    return record.source === 'import'
      ? { ...record, row: record.row + index * 1_000, event }
      : { ...record, offset: record.offset + BigInt(index) * 1_000n, event };
  });
}
const customer = (index: number): string => `${index % 2 === 0 ? '\u{1F600}' : '\uFFFD'}${index}`;

describe('the SQL', () => {
  let duck: Duck;
  beforeEach(async () => {
    duck = await Duck.open();
  });
  afterEach(() => duck.close());

  test('leaves the states that folding the consolidated rows one by one leaves, for every measure', async () => {
    const sample = fc.sample(histories, parameters);
    const records = sample.flatMap(ofCustomer);
    const barrierAtMs = sample[0]?.barrierAtMs ?? 0;
    // In another order than they happened: the SQL must not lean on it.
    const states = await duck.recompute(LAW_DEFINITION, records.toReversed(), barrierAtMs);

    expect(states.size).toBe(sample.filter((history) => history.records.length > 0).length);
    for (const [index, history] of sample.entries()) {
      if (history.records.length === 0) continue;
      const own = ofCustomer(history, index);
      const expected = foldedBatch(LAW_DEFINITION, own, barrierAtMs);
      expect(named(states.get(customer(index)) ?? []), JSON.stringify(own, bigints, 1)).toEqual(named(expected));
    }
  });

  test('leaves no state of no records', async () => {
    expect(await duck.recompute(LAW_DEFINITION, [], 0)).toEqual(new Map());
  });

  test('stores states, batch and delta, and gives back exactly what was put in', async () => {
    const sample = fc.sample(histories, { ...parameters, numRuns: 200 });
    const states = new Map(
      sample.flatMap((history, index) => [
        [`batch ${index}`, foldedBatch(LAW_DEFINITION, history.records, history.barrierAtMs)] as const,
        ...[...replay(LAW_DEFINITION, history).deltas].map(([name, { state }]) => [`${name} ${index}`, state] as const),
      ]),
    );
    const back = await duck.roundTrip(LAW_DEFINITION.columns, states);
    expect(back.size).toBe(states.size);
    for (const [id, state] of states) expect(named(back.get(id) ?? [])).toEqual(named(state));
  });

  test('evaluates expressions as the answer does', async () => {
    const { a, b, c } = { a: metric('a'), b: metric('b'), c: metric('c') };
    const expressions: readonly Expression[] = [
      plus(a, whole(7)),
      times(a, b),
      dividedBy(a, b),
      // As many days as the years 1970 to 2999 have: more would not fit, and cannot be.
      dividedBy(times(times(a, whole(376_200)), whole(2)), whole(365)),
      wholeDays(a, b),
      wholeDays(c, asOf),
      plus(wholeDays(b, a), whole(1)),
    ];
    const day = 86_400_000n;
    const numbers = [
      0n,
      1n,
      2n,
      3n,
      5n,
      -1n,
      -2n,
      -3n,
      -5n,
      day,
      day - 1n,
      day + 1n,
      -day,
      -day - 1n,
      INT64_MAX,
      -INT64_MAX,
    ];
    const values = [null, ...numbers];
    const asOfMs = 1_750_000_000_000;
    for (const expression of expressions) {
      const sql = expression.sql((name) => name, String(asOfMs));
      const cells = values.flatMap((x) => values.map((y) => ({ x, y })));
      const rows = cells.map(({ x, y }, n) => `(${n}, ${x}::HUGEINT, ${y}::HUGEINT, ${x}::HUGEINT)`).join(', ');
      const reader = await duck.connection.runAndReadAll(
        `SELECT (${sql})::HUGEINT FROM (VALUES ${rows}) AS t(n, a, b, c) ORDER BY n`,
      );
      const expected = cells.map(({ x, y }) =>
        expression.evaluate({ value: (name) => (name === 'b' ? y : x), asOfMs }),
      );
      expect(
        reader.getRows().map(([value]) => value),
        sql,
      ).toEqual(expected);
    }
  });

  test('ranks customers as the answer does, in 64 bits where they hold all its numbers', async () => {
    const sample = fc.sample(histories, parameters);
    const [{ barrierAtMs, asOfMs } = { barrierAtMs: 0, asOfMs: 0 }] = sample;
    const states = await duck.recompute(LAW_DEFINITION, sample.flatMap(ofCustomer), barrierAtMs);
    const ranked = async (relation: string, integer: SqlInteger) => {
      const query = rankSql(LAW_DEFINITION, relation, asOfMs, integer);
      return (await duck.connection.runAndReadAll(query)).getRowObjects();
    };
    const wide = await ranked('states', 'HUGEINT');
    expect(wide).toHaveLength(states.size);
    let fitting = 0;
    for (const row of wide) {
      const { customer_id: id, ...values } = row;
      const state = states.get(String(id)) ?? expect.fail('a customer without a state');
      for (const [name, value] of Object.entries(values)) {
        const isFlag = LAW_DEFINITION.metrics.some((metric) => metric.name === name && metric.kind === 'flag');
        const expected = isFlag
          ? mergeView(LAW_DEFINITION, [state], asOfMs).metrics[name]
          : rankScore(LAW_DEFINITION, [state], name, asOfMs).score;
        expect(value, `${name} of ${id}`).toEqual(expected);
      }
      const own = `(SELECT * FROM states WHERE customer_id = '${String(id).replaceAll("'", "''")}')`;
      const narrow = await ranked(own, 'BIGINT').catch(() => null);
      if (narrow) expect(narrow).toEqual([row]);
      else expect(Object.values(values).some((value) => typeof value === 'bigint' && value > 10n ** 14n)).toBe(true);
      if (narrow) fitting++;
    }
    expect(fitting).toBeGreaterThan(0);
  });

  test('drops the hours that no as_of can ask for, and no other', async () => {
    const sample = fc.sample(histories, parameters);
    const [{ barrierAtMs } = { barrierAtMs: 0 }] = sample;
    const states = await duck.recompute(LAW_DEFINITION, sample.flatMap(ofCustomer), barrierAtMs);
    const { at } = LAW_DEFINITION.measures.find(({ name }) => name === 'tickets_30d') ?? { at: -1 };
    const hours = [...states.values()].flatMap((state) => (state[at] instanceof Map ? [...state[at].keys()] : []));
    const barrierHour = Math.floor(barrierAtMs / 3_600_000);
    expect(Math.min(...hours.map(Number))).toBe(barrierHour - 32 * 24 + 1);
  });
});

const named = (state: Parameters<typeof plainState>[0]): unknown => {
  const values = plainState(state);
  return Object.fromEntries(
    LAW_DEFINITION.columns.map(({ name }, at) => [name, Array.isArray(values) ? values[at] : null]),
  );
};

const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);
