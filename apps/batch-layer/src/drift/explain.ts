import type { DriftEvent } from '@tidemark/catalog';
import type { HistoryRow } from '@tidemark/engine';
import { type DriftHistory, explainDrift, type Occurrence } from '@tidemark/metrics';
import type { BatchContext } from '../batch-context.ts';
import type { Differing, Sides } from './compare.ts';
import { barriersOf, isInBase, occurrenceOf, occurrencesAfter } from './history.ts';
import type { Explained } from './tally.ts';

/** Events named behind a difference. */
const EVENTS = 5;

export type ExplainedCustomer = { readonly customerId: string; readonly explained: readonly Explained[] };

/** Explains customers that differ, many at once: history is read once for all of them. */
export type Explainer = (customers: readonly Differing[]) => Promise<readonly ExplainedCustomer[]>;

/**
 * An explainer by what the lake has up to the newer cut: the expanded rows of all history, and the raw events behind the
 * base's cut, which alone say what they took back. The files are verified when the first customer differs.
 */
export function explainer(context: BatchContext, sides: Sides): Explainer {
  const { definition, lake, engine } = context;
  let opened: ReturnType<typeof open> | null = null;
  const open = async () => ({
    rows: Object.fromEntries(
      await lake.rowFiles(definition, { partitions: sides.next.cut, imports: sides.next.imports }),
    ),
    barriers: barriersOf(await lake.ranges()),
  });
  return async (customers) => {
    opened ??= open();
    const { rows, barriers } = await opened;
    const customerIds = customers.map(({ customerId }) => customerId);
    const { currency, id: definitionId } = definition;
    const landed = byCustomer(await engine.histories({ currency, definitionId, rows, customerIds }));
    // Every accepted event has a row: where none stands behind the base's cut, no raw event needs to be read.
    const isBehind = ({ place }: HistoryRow) => place.source === 'log' && !isInBase(sides.base, place);
    const active = customerIds.filter((customerId) => landed.get(customerId)?.some(isBehind));
    const after = await occurrencesAfter(context, sides, new Set(active));
    return customers.map(({ customerId, before, after: now, differences }) => {
      const history = {
        ...coveredHistory(context, sides, landed.get(customerId) ?? []),
        after: after.get(customerId) ?? [],
        barriers,
      };
      const explanations = explainDrift(definition, history, { before, after: now }, sides.asOfMs);
      const explained = differences.map((difference): Explained => {
        const found = explanations.get(difference.metric.name);
        if (!found) throw new Error(`${difference.metric.name} differs and was not explained`);
        return { ...difference, cause: found.cause, events: () => found.behind().slice(0, EVENTS).map(eventOf) };
      });
      return { customerId, explained };
    });
  };
}

/** An explainer for a definition's first generation beside another's: its deltas began where the other was already. */
export const definitionChanged: Explainer = async (customers) =>
  customers.map(({ customerId, differences }) => ({
    customerId,
    explained: differences.map((difference) => ({ ...difference, cause: 'definition change', events: () => [] })),
  }));

function byCustomer(rows: readonly HistoryRow[]): ReadonlyMap<string, readonly HistoryRow[]> {
  const found = new Map<string, HistoryRow[]>();
  for (const row of rows) {
    const own = found.get(row.customerId) ?? [];
    own.push(row);
    found.set(row.customerId, own);
  }
  return found;
}

/** What the base covers of a customer's rows, and what imports brought since. */
function coveredHistory(
  { definition }: BatchContext,
  { base }: Sides,
  rows: readonly HistoryRow[],
): Pick<DriftHistory, 'prefix' | 'imported'> {
  const prefix: Occurrence[] = [];
  const imported: Occurrence[] = [];
  for (const row of rows) {
    if (isInBase(base, row.place)) prefix.push(occurrenceOf(definition, row));
    else if (row.place.source === 'import') imported.push(occurrenceOf(definition, row));
  }
  return { prefix, imported };
}

function eventOf({ event, change, place }: Occurrence): DriftEvent {
  return {
    event_id: event.event_id,
    source: change.source.name,
    kind: change.kind,
    key: change.key,
    at:
      place.source === 'import'
        ? { import: place.number, row: String(place.row) }
        : { partition: place.partition, offset: place.offset.toString() },
  };
}
