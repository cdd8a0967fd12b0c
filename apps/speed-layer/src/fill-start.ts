import { barrierOf, type EventLog } from '@tidemark/log';
import type { LivePointer, ViewStore, Views } from '@tidemark/views';

/** The live generation after whose cut everything counts. */
export type FillFrom = Pick<LivePointer, 'generation' | 'logId' | 'cut'>;

const READ_RECORDS = 5_000;

/**
 * The live generation of the definition served, for another one that is being filled beside it: its own first generation will
 * be a later one. Null when the log has to be folded from its start: nothing is published, or the definition has a generation
 * of its own. The served one is asked first: who publishes in between is then seen.
 */
export async function fillFrom(
  store: Pick<ViewStore, 'serving' | 'find'>,
  views: Pick<Views, 'pointer'>,
  definitionId: string,
): Promise<FillFrom | null> {
  const serving = await store.serving();
  const served = serving === null || serving.serving === definitionId ? null : await store.find(serving.serving);
  const live = (await served?.pointer()) ?? null;
  return (await views.pointer()) === null ? live : null;
}

/**
 * Where a partition's events begin to count in a fill: with the epoch before the first that does, in the partition's own
 * sequence, whose ids are half of that one's repeat window. In a partition that the cut does not have all of them count.
 */
export async function fillOffset(log: EventLog, partition: number, from: FillFrom | null): Promise<bigint> {
  const { start, end } = (await log.bounds()).get(partition) ?? { start: 0n, end: 0n };
  if (!from?.cut.partitions.has(partition)) return start;
  let epoch = 0;
  let began = start;
  for (let at = start; at < end; ) {
    const { records, next } = await log.read(partition, at, { maxRecords: READ_RECORDS, waitMs: 0 });
    for (const record of records) {
      const number = barrierOf(record)?.generation ?? 0;
      if (number <= epoch) continue;
      if (number >= from.generation) return began;
      epoch = number;
      began = record.offset;
    }
    if (next === at) break;
    at = next;
  }
  return began;
}
