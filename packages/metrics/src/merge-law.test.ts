import { naiveMerged, naiveRecompute } from '@tidemark/oracle';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { CUSTOMER_METRICS } from './customer-metrics.ts';
import { define } from './definition.ts';
import { mergeView } from './merged-view.ts';
import type { Metric } from './metric.ts';
import { foldedBatch } from './testing/consolidated.ts';
import { Coverage } from './testing/coverage.ts';
import { type Cause, deviations } from './testing/deviation.ts';
import { histories } from './testing/histories.ts';
import { type History, isCovered, replay } from './testing/history.ts';
import { classesOf, HISTORY_CLASSES } from './testing/history-classes.ts';
import { LAW_DEFINITION } from './testing/law-registry.ts';
import { seeded } from './testing/seed.ts';

const CAUSES: readonly Cause[] = [
  'a: repeat older than the window',
  'a: repeat in another partition',
  'a: repeat of an imported event',
  'b: placed twice',
  'b: cancelled twice',
  'b: changed from something else',
  'b: changed or taken back before it was placed',
  'b: changed or taken back, not placed until then',
];

const OUTCOMES = ['equal', 'provisional and equal', 'provisional and different', 'deviates'] as const;

const classes = new Coverage(HISTORY_CLASSES);
const causes = new Coverage(CAUSES);
const outcomes = new Coverage(OUTCOMES);
const parameters = seeded('the merge law', 1_500);
const shipped = define('USD');

const prefixOf = ({ records, generation }: History) => records.filter((record) => isCovered(record, generation));
const afterOf = ({ records, generation }: History) => records.filter((record) => !isCovered(record, generation));

/** Which sources' rows decide a metric. */
function sourcesOf(metrics: readonly Metric[], name: string): readonly string[] {
  const metric = metrics.find((one) => one.name === name);
  if (!metric) throw new RangeError(`no metric ${name}`);
  if (metric.kind === 'measured') return [metric.measure.source.name];
  if (metric.kind === 'flag') return sourcesOf(metrics, metric.reasons);
  const inputs = metric.kind === 'derived' ? metric.expression.inputs : metric.reasons.map((reason) => reason.metric);
  return inputs.flatMap((input) => sourcesOf(metrics, input));
}

const SOURCES_OF = new Map(
  LAW_DEFINITION.metrics.map(({ name }) => [name, new Set(sourcesOf(LAW_DEFINITION.metrics, name))]),
);

/** Batch view of the prefix, and the deltas after the cut. */
function statesAtCut(definition: typeof LAW_DEFINITION, history: History) {
  const replayed = replay(definition, history);
  const deltas = [...replayed.deltas.values()].filter(({ epoch }) => epoch >= history.generation);
  const batch = foldedBatch(definition, prefixOf(history), history.barrierAtMs);
  return { states: [batch, ...deltas.map(({ state }) => state)], outcomes: replayed.outcomes };
}

describe('the merge law', () => {
  test('batch(prefix) ⊕ delta(rest) is batch(all), or is named provisional, or deviates for a cause the law names', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { states, outcomes: folds } = statesAtCut(LAW_DEFINITION, history);
        const all = foldedBatch(LAW_DEFINITION, history.records, history.barrierAtMs);
        const merged = mergeView(LAW_DEFINITION, states, history.asOfMs);
        const recomputed = mergeView(LAW_DEFINITION, [all], history.asOfMs);
        expect(recomputed.provisional).toEqual([]);

        const found = deviations(history, folds);
        for (const deviation of found) for (const cause of deviation.causes) causes.met(cause);
        for (const name of classesOf(history, folds)) classes.met(name);
        const deviating = new Set(found.map(({ source }) => source));
        for (const { name } of LAW_DEFINITION.metrics) {
          const isEqual = JSON.stringify(merged.metrics[name]) === JSON.stringify(recomputed.metrics[name]);
          const isProvisional = merged.provisional.includes(name);
          const mayDeviate = [...(SOURCES_OF.get(name) ?? [])].some((source) => deviating.has(source));
          if (isProvisional) outcomes.met(isEqual ? 'provisional and equal' : 'provisional and different');
          else if (isEqual) outcomes.met('equal');
          else if (mayDeviate) outcomes.met('deviates');
          else expect([name, merged.metrics[name]]).toEqual([name, recomputed.metrics[name]]);
        }
      }),
      parameters,
    );
  });

  test('the batch view is the naive recompute of the oracle, nothing of it provisional', () => {
    fc.assert(
      fc.property(histories, ({ records, asOfMs, barrierAtMs }) => {
        fc.pre(records.length > 0);
        const view = mergeView(shipped, [foldedBatch(shipped, records, barrierAtMs)], asOfMs);
        expect(plain(view.metrics)).toEqual(plain(naiveRecompute(records, { asOfMs, currency: 'USD' }).get('c')));
        expect(view.provisional).toEqual([]);
      }),
      parameters,
    );
  });

  test('the merged view is the naive sum of the oracle in every field it does not name provisional', () => {
    fc.assert(
      fc.property(histories, (history) => {
        fc.pre(history.records.length > 0);
        const { asOfMs, barriers } = history;
        const view = mergeView(shipped, statesAtCut(shipped, history).states, asOfMs);
        const naive = naiveMerged(prefixOf(history), afterOf(history), { asOfMs, currency: 'USD', barriers }).get('c');
        const without = (metrics: object) =>
          plain(Object.fromEntries(Object.entries(metrics).filter(([name]) => !view.provisional.includes(name))));
        expect(without(view.metrics)).toEqual(without(naive?.metrics ?? {}));
        for (const source of naive?.unsettled ?? []) {
          const measured = shipped.measures.filter(({ measure }) => measure.source.name === source);
          expect(view.provisional).toEqual(expect.arrayContaining(measured.map(({ name }) => name)));
        }
      }),
      parameters,
    );
  });

  test('the oracle knows every shipped metric and no other', () => {
    const [answer] = naiveRecompute(
      [
        {
          source: 'import',
          number: 1,
          row: 0,
          event: { event_type: 'customer_profile_updated', event_id: 'e', customer_id: 'c', occurred_at: 0 },
        },
      ],
      { asOfMs: 0, currency: 'USD' },
    ).values();
    const names = CUSTOMER_METRICS.map(({ name }) => name);
    expect(
      Object.keys(answer ?? {}).sort(),
      'write the shipped metric down by hand in packages/oracle/src/naive-metrics.ts too: `tidemark verify` compares with it',
    ).toEqual(names.sort());
  });

  afterAll(() => {
    console.info(`histories: ${classes}\ncauses: ${causes}\nfields: ${outcomes}`);
    expect({ classes: classes.missed(), causes: causes.missed(), outcomes: outcomes.missed() }).toEqual({
      classes: [],
      causes: [],
      outcomes: [],
    });
  });
});

/** As JSON carries it: objects without a prototype and with are alike, the order of keys is none. */
const plain = (metrics: unknown): unknown => JSON.parse(JSON.stringify(metrics ?? null));
