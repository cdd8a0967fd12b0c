import type { TidemarkEvent } from '@tidemark/contracts';
import type { ColumnValue } from './column.ts';
import type { Definition } from './definition.ts';
import { eventIdHash, IdWindow } from './id-window.ts';
import { inputOf, sameInput } from './measure.ts';
import { type Change, expand } from './sources.ts';
import { bigintAt, type State } from './state.ts';

/** The state of no rows: the identity of `mergeStates`. */
export function zeroState(definition: Definition): State {
  const state: ColumnValue[] = [];
  for (const { measure } of definition.measures) state.push(...measure.aggregate.zero());
  for (const _ of definition.counters) state.push(0n, 0n);
  return state;
}

/** Adds the signed rows of one event to a state, in place. */
export function foldChange(
  definition: Definition,
  state: State,
  change: Change,
  event: Pick<TidemarkEvent, 'event_id' | 'occurred_at'>,
): void {
  const { occurred_at, event_id } = event;
  for (const { measure, at } of definition.measuresBySource.get(change.source.name) ?? []) {
    const minus = change.minus && inputOf(measure, change.minus, occurred_at, event_id);
    const plus = inputOf(measure, change.plus, occurred_at, event_id);
    if (minus && plus && sameInput(measure, minus, plus)) continue;
    if (minus) measure.aggregate.add(state, at, minus, -1);
    if (plus) measure.aggregate.add(state, at, plus, 1);
  }
  for (const { source, rowsAt } of definition.counters) {
    if (source.name === change.source.name) state[rowsAt] = bigintAt(state, rowsAt) + 1n;
  }
}

/** Merges `from` into `into`, in place. Associative and commutative; `zeroState` is the identity. */
export function mergeStates(definition: Definition, into: State, from: readonly ColumnValue[]): void {
  for (const { measure, at } of definition.measures) measure.aggregate.merge(into, at, from);
  for (const { rowsAt, unmatchedAt } of definition.counters) {
    into[rowsAt] = bigintAt(into, rowsAt) + bigintAt(from, rowsAt);
    into[unmatchedAt] = bigintAt(into, unmatchedAt) + bigintAt(from, unmatchedAt);
  }
}

/** A delta row in the making: what was folded for a customer from one partition within one epoch. */
export type Delta = {
  /** Offset of the last accepted record in it; −1 before the first. */
  lastOffset: bigint;
  readonly ids: IdWindow;
  readonly state: State;
};

export const emptyDelta = (definition: Definition): Delta => ({
  lastOffset: -1n,
  ids: IdWindow.empty(),
  state: zeroState(definition),
});

export type FoldOutcome = 'folded' | 'repeat' | 'already in';

/**
 * Folds an accepted record into its epoch's delta. `before` is the customer's delta of the epoch before in the same
 * partition: the repeat window is both. A repeat leaves the numbers alone but enters the ids and raises `lastOffset`,
 * so the row is a function of the log's prefix, whoever writes it.
 */
export function foldRecord(
  definition: Definition,
  delta: Delta,
  before: Pick<Delta, 'ids'> | null,
  event: TidemarkEvent,
  offset: bigint,
): FoldOutcome {
  return foldOnce(definition, delta, before, event, offset, () => expand(event));
}

/** As `foldRecord`, of an event whose change is known otherwise than from the event: asked for only when it counts. */
export function foldOnce(
  definition: Definition,
  delta: Delta,
  before: Pick<Delta, 'ids'> | null,
  event: Pick<TidemarkEvent, 'event_id' | 'occurred_at'>,
  offset: bigint,
  change: () => Change,
): FoldOutcome {
  if (offset <= delta.lastOffset) return 'already in';
  const id = eventIdHash(event.event_id);
  const repeat = delta.ids.has(id) || (before?.ids.has(id) ?? false);
  delta.ids.enter(id);
  delta.lastOffset = offset;
  if (repeat) return 'repeat';
  foldChange(definition, delta.state, change(), event);
  return 'folded';
}
