import type { HistoryRecord } from '@tidemark/oracle';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { mergeView } from '../merged-view.ts';
import type { State } from '../state.ts';
import { foldedBatch, occurrenceOf } from '../testing/consolidated.ts';
import { Coverage } from '../testing/coverage.ts';
import { type Cause, deviations } from '../testing/deviation.ts';
import { histories } from '../testing/histories.ts';
import { type History, isCovered, replay } from '../testing/history.ts';
import { KNOWN_HISTORIES } from '../testing/known-histories.ts';
import { LAW_DEFINITION } from '../testing/law-registry.ts';
import { seeded } from '../testing/seed.ts';
import { type DriftCause, type Explanation, explainDrift, sameValue, sourcesOf } from './cause.ts';

/** The law's causes of a key that deviates, as drift names them. */
const NAMES: Readonly<Record<Cause, DriftCause>> = {
  'a: repeat older than the window': 'repeat',
  'a: repeat in another partition': 'repeat',
  'a: repeat of an imported event': 'repeat',
  'b: placed twice': 'placed or cancelled twice',
  'b: cancelled twice': 'placed or cancelled twice',
  'b: changed from something else': 'changed from something else',
  'b: changed or taken back before it was placed': 'retraction ahead of its row',
  'b: changed or taken back, not placed until then': 'retraction ahead of its row',
};

const FOUND: readonly DriftCause[] = [...new Set(Object.values(NAMES)), 'retraction of an extreme', 'import', 'lost'];
const found = new Coverage(FOUND);
const parameters = seeded('causes of drift', 500);

/** A history as it was seen from its cut: what the speed layer made of it, and what the next generation makes. */
function seen(history: History, isFresh: (record: HistoryRecord) => boolean = () => false) {
  const known = history.records.filter((record) => !isFresh(record));
  const prefix = known.filter((record) => isCovered(record, history.generation));
  const { deltas, outcomes } = replay(LAW_DEFINITION, history);
  const states = [...deltas.values()].filter(({ epoch }) => epoch >= history.generation).map(({ state }) => state);
  const base = foldedBatch(LAW_DEFINITION, prefix, history.barrierAtMs);
  const view = (...some: readonly State[]) => mergeView(LAW_DEFINITION, some, history.asOfMs);
  const batch = (records: readonly HistoryRecord[]) => view(foldedBatch(LAW_DEFINITION, records, history.barrierAtMs));
  const next = batch(history.records);
  const told = view(base, ...states);
  const explain = (before: typeof told) =>
    explainDrift(
      LAW_DEFINITION,
      {
        prefix: prefix.map(occurrenceOf),
        after: known.filter((record) => !isCovered(record, history.generation)).map(occurrenceOf),
        imported: history.records.filter(isFresh).map(occurrenceOf),
        barriers: history.barriers,
      },
      { before, after: next },
      history.asOfMs,
    );
  return { base, states, outcomes, view, told, next, batch, explain };
}

const causes = (explained: ReadonlyMap<string, Explanation>) =>
  new Map([...explained].map(([metric, { cause }]) => [metric, cause]));

describe('what differs from the next generation', () => {
  test('has the cause that the law names for its keys, or is an extreme; nothing else has one', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { told, next, outcomes, explain } = seen(history);
        const keys = deviations(history, outcomes);
        const explained = causes(explain(told));
        for (const { name } of LAW_DEFINITION.metrics) {
          const cause = explained.get(name);
          expect(cause !== undefined, name).toBe(!sameValue(told.metrics[name], next.metrics[name]));
          if (cause === undefined) continue;
          found.met(cause);
          const sources = sourcesOf(LAW_DEFINITION, name);
          const ofKeys = keys.filter(({ source }) => sources.has(source)).flatMap((key) => [...key.causes]);
          // Where the rows balance, an extreme alone can differ: by a row that was taken back, rightly or not.
          const allowed = told.provisional.includes(name) ? Object.values(NAMES) : [];
          const extreme: DriftCause[] = told.provisional.includes(name) ? ['retraction of an extreme'] : [];
          expect([...ofKeys.map((key) => NAMES[key]), ...allowed, ...extreme], name).toContain(cause);
        }
      }),
      { ...parameters, examples: KNOWN_HISTORIES.map((history) => [history]) },
    );
  });

  test('is lost where a delta is missing or wrong, and only there', () => {
    fc.assert(
      fc.property(histories, fc.nat(3), fc.boolean(), (history, which, missing) => {
        const { base, states, view, told, explain } = seen(history);
        const hit = states[which % Math.max(1, states.length)];
        const wrong = states.flatMap((state) => (state !== hit ? [state] : missing ? [] : [state, state]));
        const before = view(base, ...wrong);
        const sound = causes(explain(told));
        for (const [metric, cause] of causes(explain(before))) {
          found.met(cause);
          const isHit = !sameValue(before.metrics[metric], told.metrics[metric]);
          expect(cause, metric).toBe(isHit ? 'lost' : sound.get(metric));
        }
      }),
      parameters,
    );
  });

  test('is the import where it came between the cuts and nothing else moved the number', () => {
    fc.assert(
      fc.property(histories, fc.constantFrom(0, 1, 2), (history, base) => {
        const isFresh = (record: HistoryRecord) => record.source === 'import' && record.number > base;
        const { told, batch, explain } = seen(history, isFresh);
        const without = batch(history.records.filter((record) => !isFresh(record)));
        for (const [metric, cause] of causes(explain(told))) {
          found.met(cause);
          expect(cause, metric).not.toBe('lost');
          if (!sameValue(told.metrics[metric], without.metrics[metric])) expect(cause, metric).not.toBe('import');
        }
      }),
      parameters,
    );
  });
});

afterAll(() => expect(found.missed()).toEqual([]));
