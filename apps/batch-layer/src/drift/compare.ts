import type { Run } from '@tidemark/catalog';
import { fromRecordBatch } from '@tidemark/engine';
import { type MergedView, mergeView } from '@tidemark/metrics';
import { type DeltaSlice, inSlice, type Lineage, pinned, type StoredState } from '@tidemark/views';
import type { BatchContext } from '../batch-context.ts';
import { openSnapshot } from '../steps/recompute.ts';
import { type Difference, differences } from './difference.ts';

/** A generation as it was published. */
export type Published = Run & {
  readonly cut: ReadonlyMap<number, bigint>;
  readonly excluded: readonly number[];
};

/** The view of before and the one it is held against, both at one moment. */
export type Sides = {
  /** The generation the deltas were added to; null: deltas alone. */
  readonly base: Published | null;
  readonly next: Published;
  readonly asOfMs: number;
};

/** A customer that the two sides say something else of. */
export type Differing = {
  readonly customerId: string;
  readonly before: MergedView;
  readonly after: MergedView;
  readonly differences: readonly Difference[];
};

/** States in the generation, in the order of a page's customers; null for one that it does not have. */
type States = readonly (StoredState | null)[];

export type ComparedPage = { readonly compared: number; readonly differing: readonly Differing[] };

/**
 * Holds the view before a generation against it, page by page, for every customer that was touched since the base or
 * whose state changed; with `onlyTouched`, for the former alone. A customer is compared once.
 */
export async function* compareViews(
  context: BatchContext,
  sides: Sides,
  onlyTouched: boolean,
): AsyncGenerator<ComparedPage> {
  const before = pinnedTo(sides.base);
  for await (const page of context.views.touched(before.slice))
    yield comparePage(context, sides, page, published(context, sides.next, page), true);
  if (onlyTouched) return;
  const { engine, definition, catalog } = context;
  const snapshot = await openSnapshot(context, sides.next);
  if (snapshot === null) throw new Error('its snapshot is gone or damaged');
  // Without the base's snapshot every customer counts as changed.
  const base = sides.base && (await openSnapshot(context, await catalog.run(sides.base.generation)));
  for await (const batch of engine.changes(definition.currency, snapshot, base)) {
    const changed = Array.from(fromRecordBatch(definition.columns, batch));
    // What was published of them is at hand.
    const states = changed.map(({ gone, state }) => (gone ? null : state));
    const customerIds = changed.map(({ customerId }) => customerId);
    yield comparePage(context, sides, customerIds, states, false);
  }
}

/** The customers' states in a generation; null for one that it does not have. */
async function published({ views }: BatchContext, run: Published, customerIds: readonly string[]): Promise<States> {
  const { lineage, slice } = pinned(pointerOf(run));
  const rows = await views.read(customerIds, lineage, slice);
  return rows.map(({ batch }) => batch?.state ?? null);
}

/** Those of the page that have deltas to be compared, or those that have none: nobody belongs to both. */
async function comparePage(
  { views, definition }: BatchContext,
  { base, next, asOfMs }: Sides,
  customerIds: readonly string[],
  states: States | Promise<States>,
  withDeltas: boolean,
): Promise<ComparedPage> {
  const before = pinnedTo(base);
  const after = pinned(pointerOf(next));
  const [old, now] = await Promise.all([views.read(customerIds, before.lineage, before.slice), states]);
  let compared = 0;
  const differing: Differing[] = [];
  old.forEach(({ customerId, batch, deltas }, index) => {
    const covered = deltas.filter(({ epoch, partition }) => !inSlice(epoch, partition, after.slice));
    if (covered.length > 0 !== withDeltas) return;
    compared++;
    const was = mergeView(definition, [...present(batch?.state), ...covered.map(({ state }) => state)], asOfMs);
    const is = mergeView(definition, present(now[index]), asOfMs);
    const found = differences(definition, was, is);
    if (found.length > 0) differing.push({ customerId, before: was, after: is, differences: found });
  });
  return { compared, differing };
}

const pointerOf = ({ generation, excluded, cut, imports }: Published) => ({
  generation,
  excluded,
  cut: { partitions: cut, imports },
});

const pinnedTo = (run: Published | null): { readonly lineage: Lineage | null; readonly slice: DeltaSlice } =>
  pinned(run && pointerOf(run));

const present = (state: StoredState | null | undefined): readonly StoredState[] => (state ? [state] : []);
