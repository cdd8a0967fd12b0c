import type { Cut, DeltaSlice, Lineage, LivePointer } from './port.ts';

/**
 * The one definition of which batch row of a customer counts: the newest at or below the lineage's generation that is not
 * excluded; null when there is none. `generations` are those the customer has rows of, in any order. What a dead, rejected
 * or rolled-back run wrote, or writes late, is excluded or lies above, so it is never read.
 */
export function newest(generations: Iterable<number>, lineage: Lineage | null): number | null {
  if (lineage === null) return null;
  let best: number | null = null;
  for (const generation of generations) {
    if (generation > lineage.generation || lineage.excluded.includes(generation)) continue;
    if (best === null || generation > best) best = generation;
  }
  return best;
}

/**
 * The one definition of which deltas count after a cut. Generation G covers the records with epoch < G, so the others are
 * left to the deltas; and a partition that the cut doesn't have got no barrier, so nothing of its epoch 0 is covered.
 */
export function inSlice(epoch: number, partition: number, slice: DeltaSlice): boolean {
  if (slice === null || epoch >= slice.generation) return true;
  return epoch === 0 && !slice.cutPartitions.has(partition);
}

/** The slice that completes a generation with this cut. */
export function sliceAfter(generation: number, cut: Cut): DeltaSlice {
  return { generation, cutPartitions: new Set(cut.partitions.keys()) };
}

/** What a reader that pinned `pointer` takes: batch rows by lineage and deltas by slice. Without a pointer, deltas alone. */
export function pinned(pointer: Pick<LivePointer, 'generation' | 'excluded' | 'cut'> | null): {
  readonly lineage: Lineage | null;
  readonly slice: DeltaSlice;
} {
  if (pointer === null) return { lineage: null, slice: null };
  const { generation, excluded, cut } = pointer;
  return { lineage: { generation, excluded }, slice: sliceAfter(generation, cut) };
}
