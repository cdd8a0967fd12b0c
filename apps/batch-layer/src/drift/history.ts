import { parse } from '@tidemark/contracts';
import type { HistoryRow } from '@tidemark/engine';
import type { LandedRange } from '@tidemark/lake';
import { type Definition, expand, type HistoryPlace, type Occurrence } from '@tidemark/metrics';
import type { BatchContext } from '../batch-context.ts';
import type { Sides } from './compare.ts';

/** True when the base covers what stands there. */
export function isInBase(base: Sides['base'], place: HistoryPlace): boolean {
  if (base === null) return false;
  if (place.source === 'import') return place.number <= base.imports;
  return place.offset < (base.cut.get(place.partition) ?? 0n);
}

/** A landed row as the occurrence it came from; what it took back is not in it. */
export function occurrenceOf(
  definition: Definition,
  { source: name, place, event, key, kind, row }: HistoryRow,
): Occurrence {
  const source = definition.sources.find((candidate) => candidate.name === name);
  if (!source) throw new Error(`the engine gave a row of ${name}, which the definition does not have`);
  return { place, event, change: { source, kind, key, minus: null, plus: row } };
}

/** Numbers of the barriers of each partition, ascending, as they were landed. */
export function barriersOf(ranges: readonly LandedRange[]): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>();
  for (const { partition, barriers } of ranges) {
    found.set(partition, [...(found.get(partition) ?? []), ...barriers.map(({ generation }) => generation)]);
  }
  return found;
}

/** What some customers' events between the two cuts of the log changed, whole: read from the raw bytes. */
export async function occurrencesAfter(
  { lake, definition }: BatchContext,
  { base, next }: Sides,
  customerIds: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly Occurrence[]>> {
  const found = new Map<string, Occurrence[]>();
  if (customerIds.size === 0) return found;
  for (const range of await lake.ranges()) {
    const { partition, start } = range;
    if (start < (base?.cut.get(partition) ?? 0n) || start >= (next.cut.get(partition) ?? 0n)) continue;
    for await (const { place, value } of lake.records(range, customerIds)) {
      const parsed = parse(value, { currency: definition.currency });
      if (!parsed.ok || !customerIds.has(parsed.event.customer_id) || 'row' in place) continue;
      const { event } = parsed;
      const own = found.get(event.customer_id) ?? [];
      own.push({ place: { source: 'log', ...place }, event, change: expand(event) });
      found.set(event.customer_id, own);
    }
  }
  return found;
}
