import type { Run } from '@tidemark/catalog';
import { barrierOf, barrierRecord, type EventLog } from '@tidemark/log';
import { reached } from '@tidemark/runtime';
import type { BatchContext } from '../batch-context.ts';
import { sameLog } from './same-log.ts';

const READ_RECORDS = 5_000;

/**
 * Takes the run's number and freezes its partitions and imports, in one transaction of the catalog. Only then barriers
 * may be appended: a number, once used, is never used for anything else.
 */
export async function beginRun(context: BatchContext): Promise<Run> {
  const { catalog, definition, log, lake, views, clock, settings } = context;
  const [newest] = await catalog.runs({ limit: 1 });
  if (newest) await waitUntil(newest.barrierAtMs + settings.barrierDistanceMs, clock.now());
  const pointer = await views.pointer();
  const heads = await lake.heads();
  // A catalog that knows runs has given every number in the log; one that knows none may have been lost.
  const inLog = newest
    ? 0
    : await highestBarrier(log, new Map([...heads].map(([partition, { end }]) => [partition, end])));
  return catalog.beginRun({
    definition: definition.id,
    partitions: [...new Set([...(await log.partitions()), ...heads.keys()])].sort((a, b) => a - b),
    atMs: clock.now(),
    above: Math.max(pointer?.generation ?? 0, await lake.highestGeneration(), inLog),
    lastImport: async () => (await lake.imports()).at(-1)?.number ?? 0,
  });
}

/** Appends the run's barrier to every partition. May be repeated: a barrier numbered as the last one is ignored. */
export async function appendBarriers(context: BatchContext, run: Run): Promise<void> {
  reached('barrier: number frozen');
  await sameLog(context);
  await context.log.append(
    run.partitions.map((partition) => barrierRecord(run.generation, run.barrierAtMs, partition)),
  );
  reached('barrier: appended');
}

/** The highest barrier number in what of the log is not landed yet; 0 without any. */
async function highestBarrier(log: EventLog, landed: ReadonlyMap<number, bigint>): Promise<number> {
  let highest = 0;
  for (const [partition, { start, end }] of await log.bounds()) {
    let from = landed.get(partition) ?? start;
    if (from < start) from = start;
    while (from < end) {
      const { records, next } = await log.read(partition, from, { maxRecords: READ_RECORDS, waitMs: 0 });
      for (const record of records) highest = Math.max(highest, barrierOf(record)?.generation ?? 0);
      if (next === from) break;
      from = next;
    }
  }
  return highest;
}

async function waitUntil(timeMs: number, nowMs: number): Promise<void> {
  if (timeMs > nowMs) await new Promise((resolve) => setTimeout(resolve, timeMs - nowMs));
}
