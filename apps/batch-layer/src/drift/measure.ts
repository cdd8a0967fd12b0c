import type { Drift, Run } from '@tidemark/catalog';
import type { BatchContext } from '../batch-context.ts';
import { compareViews, type Differing, type Published, type Sides } from './compare.ts';
import { definitionChanged, explainer } from './explain.ts';
import { waitPastCut } from './passed-cut.ts';
import { DriftTally } from './tally.ts';

/** Customers explained at once: their history is held in memory meanwhile. */
const EXPLAINED_AT_ONCE = 2_000;

/**
 * Measures what a published generation corrected: its base ⊕ the deltas that its cut covers, against itself, both
 * finished at one moment, for every customer touched or changed. The speed layer is waited for as long as `patienceMs`.
 * Nothing is written; whatever stands in the way is the reason of a drift that is not measured.
 */
export async function measureDrift(context: BatchContext, generation: number, patienceMs: number): Promise<Drift> {
  const next = published(await context.catalog.run(generation));
  const base = next?.base == null ? null : published(await context.catalog.run(next.base));
  const asOfMs = Math.max(next?.barrierAtMs ?? context.clock.now(), base?.barrierAtMs ?? 0);
  const head = { generation, base: next?.base ?? null, asOfMs, measuredAtMs: context.clock.now() };
  const none = { compared: 0, differing: 0, causes: {}, metrics: [] };
  try {
    if (!next) throw new Error('it is not published');
    if (next.base !== null && !base) throw new Error(`the catalog no longer knows its base, generation ${next.base}`);
    const measured = await measure(context, { base, next, asOfMs }, patienceMs);
    return typeof measured === 'string'
      ? { ...head, ...none, status: 'not measured', reason: measured }
      : { ...head, ...measured, status: 'measured', reason: null };
  } catch (error) {
    // The generation is live and right whatever becomes of this: it must not be the end of the run.
    const reason = error instanceof Error ? error.message : String(error);
    return { ...head, ...none, status: 'not measured', reason };
  }
}

async function measure(
  context: BatchContext,
  sides: Sides,
  patienceMs: number,
): Promise<Pick<Drift, 'compared' | 'differing' | 'causes' | 'metrics'> | string> {
  const beginning = sides.base === null ? await beginningOf(context, sides.next) : 'whole';
  if (beginning === 'made anew') return 'its views were made anew: before it nobody was answered from them';
  const behind = await waitPastCut(context, sides.next.cut, beginning === 'whole' ? patienceMs : 0);
  if (behind !== null) return behind;
  const floor = (await context.views.pointer())?.floor ?? 0;
  if (sides.base && sides.base.generation < floor)
    return `its base, generation ${sides.base.generation}, is below the floor`;

  const tally = new DriftTally(context.definition);
  const explain = beginning === 'new definition' ? definitionChanged : explainer(context, sides);
  let compared = 0;
  let waiting: Differing[] = [];
  const explainWaiting = async () => {
    for (const { customerId, explained } of await explain(waiting)) tally.add(customerId, explained);
    waiting = [];
  };
  for await (const page of compareViews(context, sides, beginning !== 'whole')) {
    compared += page.compared;
    for (const differing of page.differing) {
      waiting.push(differing);
      if (waiting.length >= EXPLAINED_AT_ONCE) await explainWaiting();
    }
  }
  if (waiting.length > 0) await explainWaiting();
  return { compared, differing: tally.differing, causes: tally.causes, metrics: tally.metrics() };
}

/**
 * What the deltas before a first generation were. `whole`: all there was, and what was answered. `without imports`: they
 * alone are held against it, for nobody was answered before it. `new definition`: they began where another definition
 * already was. `made anew`: they were folded again from as much of the log as there still is.
 */
async function beginningOf(
  { catalog, definition, log }: BatchContext,
  { generation, imports }: Published,
): Promise<'whole' | 'without imports' | 'new definition' | 'made anew'> {
  const earlier = (await catalog.runs({ limit: 1_000 })).filter(
    (run) => run.generation < generation && run.publishedAtMs !== null,
  );
  if (earlier.some((run) => run.definition === definition.id)) return 'made anew';
  if (earlier.length > 0) return 'new definition';
  if ([...(await log.bounds()).values()].some(({ start }) => start > 0n)) return 'made anew';
  return imports > 0 ? 'without imports' : 'whole';
}

function published(run: Run | null): Published | null {
  if (!run?.cut || !run.excluded) return null;
  return { ...run, cut: run.cut, excluded: run.excluded };
}
