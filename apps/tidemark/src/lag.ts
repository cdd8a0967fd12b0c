import type { EventLog } from '@tidemark/log';
import type { Views } from '@tidemark/views';

/** How far the speed layer is in one partition. */
export type PartitionLag = {
  readonly partition: number;
  /** The last record folded; null before the first. */
  readonly position: bigint | null;
  /** The next offset to be given. */
  readonly end: bigint;
  /** When the oldest record not yet folded was appended, UTC ms; null when there is none. */
  readonly waitingSinceMs: number | null;
};

/** Asks the log itself: offsets may have gaps, so a difference of offsets is no number of records. */
export async function readLag(log: EventLog, views: Pick<Views, 'positions'>): Promise<readonly PartitionLag[]> {
  const positions = await views.positions();
  const bounds = await log.bounds();
  return Promise.all(
    [...bounds].map(async ([partition, { start, end }]) => {
      const position = positions.get(partition)?.offset ?? null;
      const next = position === null || position + 1n < start ? start : position + 1n;
      const { records } = next >= end ? { records: [] } : await log.read(partition, next, { maxRecords: 1, waitMs: 0 });
      return { partition, position, end, waitingSinceMs: records[0]?.timestampMs ?? null };
    }),
  );
}
