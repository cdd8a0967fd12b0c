import { barrierOf, type EventLog } from '@tidemark/log';
import type { Cut, ViewStore, Views } from '@tidemark/views';
import { SpeedError } from './error.ts';

/** What a definition's deltas have to hold, for its views to answer. */
export type FillFrom = {
  /** The deltas of this epoch and of every later one. */
  readonly generation: number;
  readonly cut: Cut;
  /** Whether a generation of the definition's own is live, so that nothing but its deltas will bring what is after it. */
  readonly isOwn: boolean;
};

const READ_RECORDS = 5_000;

/**
 * From where a definition has to be filled: the oldest readable generation of its own, or else, beside another one that is
 * served, that one's live generation; null when nothing is published and everything counts. The served one is asked first: its
 * own first generation, if it comes in between, is then a later one, since only one run goes on at a time.
 */
export async function fillFrom(
  store: Pick<ViewStore, 'serving' | 'find'>,
  views: Pick<Views, 'pointer'>,
  definitionId: string,
): Promise<FillFrom | null> {
  const serving = await store.serving();
  const served = serving === null || serving.serving === definitionId ? null : await store.find(serving.serving);
  const live = (await served?.pointer()) ?? null;
  const own = await views.pointer();
  if (own !== null) return { generation: own.floor, cut: own.cut, isOwn: true };
  return live && { generation: live.generation, cut: live.cut, isOwn: false };
}

/**
 * Where a partition of which nothing was folded yet is read from: the beginning of the epoch before the first that counts,
 * whose ids are half of that one's repeat window. A partition that the cut does not have is read from the log's start.
 */
export async function fillOffset(log: EventLog, partition: number, from: FillFrom | null): Promise<bigint> {
  const { start, end } = (await log.bounds()).get(partition) ?? { start: 0n, end: 0n };
  const cut = from?.cut.partitions.get(partition);
  if (from === null || cut === undefined) return start;
  if (from.isOwn && start > cut) {
    throw new SpeedError(
      'TIDEMARK_SPEED_GAP',
      `Partition ${partition} has to be folded from offset ${cut} on, but the log now starts at ${start}. Those records that were landed are in the lake: stop the layers and run \`tidemark rebuild\`.`,
    );
  }
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
