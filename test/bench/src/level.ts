import { setTimeout as pause } from 'node:timers/promises';
import type { BatchSystem } from './batch-system.ts';

const LOOK_EVERY_MS = 100;
/** Far more than any bench takes: a speed layer that is slower than what comes in never gets there. */
const DEADLINE_MS = 1_800_000;

/** Resolves when positions cover all of the log but `records` at most: of a log that grows some are always on their way. */
export async function levelWith(system: BatchSystem, records: number): Promise<void> {
  const began = performance.now();
  for (let left = await behind(system); left > records; left = await behind(system)) {
    if (performance.now() - began > DEADLINE_MS) throw new Error(`the speed layer is still ${left} records behind`);
    await pause(LOOK_EVERY_MS);
  }
}

async function behind({ log, views }: BatchSystem): Promise<number> {
  const positions = await views.positions();
  let records = 0n;
  for (const [partition, { start, end }] of await log.bounds()) {
    const position = positions.get(partition);
    records += end - (position === undefined ? start : position.offset + 1n);
  }
  return Number(records);
}
