import {
  comparePlaces,
  consolidate,
  keyOf,
  type Occurrence,
  stateOfStandings,
  withoutRepeats,
} from '../consolidate.ts';
import type { Definition } from '../definition.ts';
import { foldChange, zeroState } from '../fold.ts';
import { type MergedView, type MetricValue, mergeView } from '../merged-view.ts';
import type { State } from '../state.ts';
import { type Contradiction, type Judged, judge } from './contradiction.ts';
import { isLogged, refold } from './refold.ts';

/** What moves keys away from how they stand, in the order in which they are put right. */
const KINDS = [
  'repeat',
  'placed or cancelled twice',
  'changed from something else',
  'retraction ahead of its row',
] as const satisfies readonly ('repeat' | Contradiction)[];

/** Why the view before a generation differed from it. `lost` is a defect; the others are what nobody could know then. */
export const DRIFT_CAUSES = ['lost', 'definition change', ...KINDS, 'retraction of an extreme', 'import'] as const;
export type DriftCause = (typeof DRIFT_CAUSES)[number];

/** One customer's history up to the newer cut, by what the base covers of it. Each part may be in any order. */
export type DriftHistory = {
  /** What the base covers. Its changes need no `minus`. */
  readonly prefix: readonly Occurrence[];
  /** What of the log came after: whole epochs. */
  readonly after: readonly Occurrence[];
  /** What the imports between the cuts brought. */
  readonly imported: readonly Occurrence[];
  /** Numbers of the barriers in each partition, ascending. */
  readonly barriers: ReadonlyMap<number, readonly number[]>;
};

/** A difference explained: its cause, and when asked the events of the metric's sources behind it, in total order. */
export type Explanation = { readonly cause: DriftCause; readonly behind: () => readonly Occurrence[] };

type Sides = { readonly before: MergedView; readonly after: MergedView };

/** A view on the way from what was said to what is so, and what the step to it puts right in a metric. */
type Step = { readonly view: Values; readonly why: (metric: string) => Why };
type Why = { readonly cause: DriftCause; readonly behind: readonly Occurrence[] };
type Stage = Why & { readonly view: MergedView };
type Values = MergedView['metrics'];

/**
 * Explains each metric in which two views of a customer differ. The one becomes the other step by step, each putting
 * one thing right: what the store held becomes what the log makes of it; keys that repeats moved are put right, then those
 * whose changes contradict what stood, kind by kind; extremes are looked up in all rows; imports are added. A metric's
 * cause is the first step that moves it, so what is named has really moved the number.
 *
 * The order is that of what one should do about it: something lost is a defect and must not hide behind anything; a
 * repeat is told apart before its rows are judged, or it would look like a contradiction; events that contradict are
 * their sender's; extremes and imports are nobody's fault.
 */
export function explainDrift(
  definition: Definition,
  history: DriftHistory,
  { before, after }: Sides,
  asOfMs: number,
): ReadonlyMap<string, Explanation> {
  const steps = stepsOf(definition, history, after.metrics, asOfMs);
  const explained = new Map<string, Explanation>();
  for (const { name } of definition.metrics) {
    if (sameValue(before.metrics[name], after.metrics[name])) continue;
    const step = steps.find(({ view }) => !sameValue(before.metrics[name], view[name]));
    if (!step) throw new Error(`${name} differs, but no step from the one view to the other moves it`);
    const { cause, behind } = step.why(name);
    explained.set(name, {
      cause,
      behind: () => {
        const sources = sourcesOf(definition, name);
        return behind.filter(({ change }) => sources.has(change.source.name));
      },
    });
  }
  return explained;
}

function stepsOf(definition: Definition, history: DriftHistory, wanted: Values, asOfMs: number): readonly Step[] {
  const inOrder = (occurrences: readonly Occurrence[]) =>
    [...occurrences].sort((a, b) => comparePlaces(a.place, b.place));
  const view = (...states: readonly State[]) => mergeView(definition, states, asOfMs);
  const settled = (occurrences: readonly Occurrence[]) =>
    stateOfStandings(definition, consolidate(withoutRepeats(inOrder(occurrences))).values());

  const prefix = withoutRepeats(inOrder(history.prefix));
  const all = inOrder(history.after);
  const known = new Set(withoutRepeats([...prefix, ...all]));
  const after = all.filter((occurrence) => known.has(occurrence));
  const base = settled(prefix);
  const { states, counted } = refold(
    definition,
    history.prefix.filter(isLogged),
    all.filter(isLogged),
    history.barriers,
  );
  const of = ({ view: { metrics }, ...why }: Stage): Step => ({ view: metrics, why: () => why });
  const toldView = view(base, ...states);
  const told = of({ view: toldView, cause: 'lost', behind: all });
  const ends = [
    of({
      view: view(settled([...prefix, ...all, ...history.imported])),
      cause: 'import',
      behind: inOrder(history.imported),
    }),
    { view: wanted, why: (): Why => ({ cause: 'lost', behind: all }) },
  ];
  // Most customers of a large import: nothing of theirs is there to be put right.
  if (all.length === 0) return [told, ...ends];

  const repeats = all.filter((occurrence) => counted.has(occurrence) && !known.has(occurrence));
  const putRight = stagesOf(definition, judge(prefix, after), repeats, (state) => view(base, state));
  const takenBack = after.filter(({ change }) => change.minus !== null);
  const looked = {
    view: view(settled([...prefix, ...all])).metrics,
    why: (metric: string) => whyExtreme(metric, toldView, putRight, takenBack),
  };
  return [told, ...putRight.map(of), looked, ...ends];
}

/**
 * The view that was told, with the keys put right that repeats or contradicting changes moved, kind by kind. A key is put
 * right as a whole, under the first of its kinds, and from how it stood at once to how it stands: two of its changes may be
 * wrong and come to nothing together, and what comes to nothing moved no number.
 */
function stagesOf(
  definition: Definition,
  judged: readonly Judged[],
  repeats: readonly Occurrence[],
  view: (state: State) => MergedView,
): readonly Stage[] {
  const wrong = [
    ...repeats.map((occurrence) => ({ occurrence, kind: 'repeat' as const })),
    ...judged.flatMap(({ occurrence, contradiction: kind }) => (kind === null ? [] : [{ occurrence, kind }])),
  ];
  const kinds = new Map<string, (typeof KINDS)[number]>();
  for (const cause of KINDS.toReversed()) {
    for (const { occurrence, kind } of wrong) if (kind === cause) kinds.set(keyOf(occurrence.change), cause);
  }
  const kindOf = ({ change }: Pick<Occurrence, 'change'>) => kinds.get(keyOf(change));
  const right = new Map<string, Pick<Occurrence, 'change' | 'event'>>();
  for (const { occurrence, settled } of judged) {
    if (!settled) continue;
    const before = right.get(keyOf(settled))?.change ?? settled;
    right.set(keyOf(settled), { change: { ...settled, minus: before.minus }, event: occurrence.event });
  }
  return KINDS.map((cause, index): Stage => {
    const done = new Set(KINDS.slice(0, index + 1));
    const isRight = (of: Pick<Occurrence, 'change'>) => {
      const kind = kindOf(of);
      return kind !== undefined && done.has(kind);
    };
    const state = zeroState(definition);
    for (const { occurrence } of judged)
      if (!isRight(occurrence)) foldChange(definition, state, occurrence.change, occurrence.event);
    for (const { change, event } of right.values())
      if (isRight({ change })) foldChange(definition, state, change, event);
    const behind = wrong.flatMap(({ occurrence }) => (kindOf(occurrence) === cause ? [occurrence] : []));
    return { view: view(state), cause, behind };
  });
}

/**
 * Why a metric differs although every row that was put in and taken back is right by now: the row that decides it is
 * looked up. It was named from the start, or since a key was put right whose changes did not say what they took back. A
 * number that adds up is moved by a repeat alone, one with other content than the event that comes first.
 */
function whyExtreme(
  metric: string,
  told: MergedView,
  putRight: readonly Stage[],
  takenBack: readonly Occurrence[],
): Why {
  if (told.provisional.includes(metric)) return { cause: 'retraction of an extreme', behind: takenBack };
  const since = putRight.find(({ view }) => view.provisional.includes(metric)) ?? putRight[0];
  return since ? { cause: since.cause, behind: since.behind } : { cause: 'lost', behind: [] };
}

/** Names of the sources that a metric is computed from. */
export function sourcesOf(definition: Definition, name: string): ReadonlySet<string> {
  const metric = definition.metrics.find((candidate) => candidate.name === name);
  if (!metric) throw new RangeError(`${name} is no metric of this definition`);
  if (metric.kind === 'measured') return new Set([metric.measure.source.name]);
  const inputs =
    metric.kind === 'derived'
      ? metric.expression.inputs
      : metric.kind === 'flag'
        ? [metric.reasons]
        : metric.reasons.map((reason) => reason.metric);
  return new Set(inputs.flatMap((input) => [...sourcesOf(definition, input)]));
}

/** Equal as answers carry them; the order of a map's keys says nothing. */
export const sameValue = (a: MetricValue | undefined, b: MetricValue | undefined): boolean =>
  a === b || (typeof a === 'object' && typeof b === 'object' && canonical(a) === canonical(b));

const canonical = (value: MetricValue | undefined): string | undefined =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : JSON.stringify(value);
