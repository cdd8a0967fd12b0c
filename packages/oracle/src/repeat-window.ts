import { TidemarkError } from '@tidemark/contracts';
import { type HistoryRecord, inTotalOrder } from './history.ts';

/** Numbers of the barriers each partition has, ascending: its epochs are 0 and these. */
export type Barriers = ReadonlyMap<number, readonly number[]>;

/** Ids remembered for a customer within one epoch and partition; the one not seen for longest goes first. */
const CAP = 1_000;

/**
 * The log records that the speed layer takes for repeats: their event id was seen before, by the same customer in the
 * same partition, in their own epoch or the one before it there. `records` must reach back one epoch further than the
 * records asked about. Two ids with one 64-bit hash are not thought of.
 */
export function repeatsInWindow(records: readonly HistoryRecord[], barriers: Barriers): Set<HistoryRecord> {
  const repeats = new Set<HistoryRecord>();
  const idsSeen = new Map<string, string[]>();
  for (const record of inTotalOrder(records)) {
    if (record.source !== 'log') continue;
    const { customer_id, event_id } = record.event;
    const window = [record.epoch, epochBefore(record.partition, record.epoch, barriers)];
    const [own, before] = window.map(
      (epoch) => idsSeen.get(JSON.stringify([customer_id, record.partition, epoch])) ?? [],
    );
    if (own?.includes(event_id) || before?.includes(event_id)) repeats.add(record);
    const refreshed = [...(own ?? []).filter((id) => id !== event_id), event_id].slice(-CAP);
    idsSeen.set(JSON.stringify([customer_id, record.partition, record.epoch]), refreshed);
  }
  return repeats;
}

/** The epoch before in the partition's own sequence, in which numbers skip; null before the first. */
function epochBefore(partition: number, epoch: number, barriers: Barriers): number | null {
  const epochs = [0, ...(barriers.get(partition) ?? [])];
  if (!epochs.includes(epoch)) {
    throw new TidemarkError(
      'TIDEMARK_ORACLE_BARRIER_MISSING',
      `partition ${partition} has records of epoch ${epoch} but its barriers given are ${epochs.slice(1).join(', ')}`,
    );
  }
  return epochs.filter((earlier) => earlier < epoch).at(-1) ?? null;
}
