import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FinishedValue } from './aggregate.ts';
import type { ColumnValue } from './column.ts';
import { inputOf, type Measure } from './measure.ts';
import { expand } from './sources.ts';
import type { State } from './state.ts';
import { histories } from './testing/histories.ts';
import { LAW_DEFINITION } from './testing/law-registry.ts';
import { naiveMeasure, type SignedRow } from './testing/naive-measure.ts';
import { plainState } from './testing/plain-state.ts';
import { seeded } from './testing/seed.ts';

const parameters = seeded('the laws of each measure', 120);

/** Signed rows of a source as events make them, and some of them taken back once more, at the end or ahead of all. */
const signedRows = (measure: Measure): fc.Arbitrary<readonly SignedRow[]> =>
  fc
    .record({ history: histories, takenBack: fc.array(fc.nat(20), { maxLength: 3 }), first: fc.boolean() })
    .map(({ history, takenBack, first }) => {
      const rows = history.records.flatMap(({ event }): SignedRow[] => {
        const { source, minus, plus } = expand(event);
        const { occurred_at: occurredAt, event_id: eventId } = event;
        if (source.name !== measure.source.name) return [];
        return [
          ...(minus ? [{ sign: -1 as const, row: minus, occurredAt, eventId }] : []),
          { sign: 1, row: plus, occurredAt, eventId },
        ];
      });
      const back = takenBack.flatMap((index): SignedRow[] => {
        const row = rows[index % Math.max(rows.length, 1)];
        return row ? [{ ...row, sign: -1 }] : [];
      });
      return first ? [...back, ...rows] : [...rows, ...back];
    });

function stateOf({ aggregate }: Measure): State {
  return [...aggregate.zero()];
}

/** Adds a row to the state in place; false when the row does not count for the measure. */
function add(measure: Measure, state: State, { row, sign, occurredAt, eventId }: SignedRow): boolean {
  const input = inputOf(measure, row, occurredAt, eventId);
  if (input) measure.aggregate.add(state, 0, input, sign);
  return input !== null;
}

function fold(measure: Measure, rows: readonly SignedRow[]): State {
  const state = stateOf(measure);
  for (const row of rows) add(measure, state, row);
  return state;
}

function merge(measure: Measure, ...states: readonly (readonly ColumnValue[])[]): State {
  const into = stateOf(measure);
  for (const state of states) measure.aggregate.merge(into, 0, state);
  return into;
}

const plainValue = (value: FinishedValue): unknown => plainState([value]);

describe.each(LAW_DEFINITION.measures)('$name', ({ measure }) => {
  const rows = signedRows(measure);
  const asOfs = fc.constantFrom(Date.UTC(2025, 5, 14, 12, 30), Date.UTC(2025, 5, 15, 12, 30), Date.UTC(2025, 6, 25));

  test('merge is associative and commutative, the zero is its identity, and it never writes what it takes', () => {
    fc.assert(
      fc.property(rows, rows, rows, (first, second, third) => {
        const [a, b, c] = [fold(measure, first), fold(measure, second), fold(measure, third)];
        const before = plainState([...a, ...b, ...c]);
        const whole = plainState(merge(measure, merge(measure, a, b), c));
        expect(plainState(merge(measure, a, merge(measure, b, c)))).toEqual(whole);
        expect(plainState(merge(measure, c, b, a))).toEqual(whole);
        expect(plainState(merge(measure, stateOf(measure), a, stateOf(measure)))).toEqual(plainState(a));
        expect(plainState([...a, ...b, ...c])).toEqual(before);
      }),
      parameters,
    );
  });

  test('folding in parts and merging is folding at once, in any order', () => {
    fc.assert(
      fc.property(rows, fc.nat(20), (all, at) => {
        const parts = merge(measure, fold(measure, all.slice(0, at)), fold(measure, all.slice(at)));
        expect(plainState(parts)).toEqual(plainState(fold(measure, all)));
        expect(plainState(fold(measure, all.toReversed()))).toEqual(plainState(fold(measure, all)));
      }),
      parameters,
    );
  });

  test('a row added and taken back leaves the value as it was, or provisional', () => {
    let counted = 0;
    fc.assert(
      fc.property(rows, rows, asOfs, (all, others, asOfMs) => {
        const state = fold(measure, all);
        const before = measure.aggregate.finish(state, 0, asOfMs);
        for (const row of others) {
          if (add(measure, state, { ...row, sign: 1 })) counted++;
          add(measure, state, { ...row, sign: -1 });
        }
        const after = measure.aggregate.finish(state, 0, asOfMs);
        if (measure.aggregate.exact) expect(after.provisional).toBe(false);
        if (!after.provisional) expect(plainValue(after.value)).toEqual(plainValue(before.value));
      }),
      parameters,
    );
    expect(counted, 'no row of the histories counts for this measure: widen testing/histories.ts').toBeGreaterThan(0);
  });

  test('the value is what its declaration says of all rows at once, or provisional', () => {
    let settled = 0;
    fc.assert(
      fc.property(rows, asOfs, (all, asOfMs) => {
        const { value, provisional } = measure.aggregate.finish(fold(measure, all), 0, asOfMs);
        if (provisional) return;
        expect(plainValue(value)).toEqual(plainValue(naiveMeasure(measure, all, asOfMs)));
        if (all.some((row) => inputOf(measure, row.row, row.occurredAt, row.eventId))) settled++;
        const untaken = all.filter(({ sign }) => sign === 1);
        const whole = measure.aggregate.finish(fold(measure, untaken), 0, asOfMs);
        expect(whole.provisional).toBe(false);
        expect(plainValue(whole.value)).toEqual(plainValue(naiveMeasure(measure, untaken, asOfMs)));
      }),
      parameters,
    );
    expect(settled, 'always provisional: the measure is never compared').toBeGreaterThan(0);
  });
});
