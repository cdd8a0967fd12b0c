import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { createShop, resumeShop } from '@tidemark/simulator';
import { demoPaths, readShop, writeShop } from './shop-file.ts';

export type HistoryOptions = {
  readonly seed: number;
  readonly events: number;
  readonly currency: string;
  readonly nowMs: number;
};

const YEAR_MS = 365 * 24 * 3_600_000;
/** Lines written at once. */
const CHUNK = 2_000;

const customersFor = (events: number): number => Math.max(10, Math.ceil(events / 20));

/**
 * Makes the demo's history, once: a year of a shop as NDJSON, to be imported as any other file. The file is there before
 * the shop's state that follows it, so that a start that was killed makes the whole again. Answers the file, or null when
 * the history has been imported.
 */
export function prepareHistory(folder: string, options: HistoryOptions): string | null {
  const known = readShop(folder);
  const { history } = demoPaths(folder);
  if (known !== null) return known.imported ? null : history;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const shop = createShop({
    seed: options.seed,
    currency: options.currency,
    customers: customersFor(options.events),
    historyEvents: options.events,
    startMs: options.nowMs - YEAR_MS,
    endMs: options.nowMs,
  });
  const making = `${history}.new`;
  const file = openSync(making, 'w', 0o600);
  try {
    let lines: string[] = [];
    for (const { text } of shop.history()) {
      lines.push(`${text}\n`);
      if (lines.length < CHUNK) continue;
      writeSync(file, lines.join(''));
      lines = [];
    }
    writeSync(file, lines.join(''));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(making, history);
  writeShop(folder, { imported: false, shop: shop.state(), pending: [] });
  return history;
}

/** The history is in the lake: it is not needed as a file any more. */
export function historyImported(folder: string): void {
  const known = readShop(folder);
  if (known === null) return;
  writeShop(folder, { imported: true, shop: resumeShop(known.shop).state(), pending: [] });
  rmSync(demoPaths(folder).history, { force: true });
}

/** A customer of the demo that has a history: one of its busiest. */
export function exampleCustomer(folder: string): string | null {
  const known = readShop(folder);
  if (known === null) return null;
  const { recent } = resumeShop(known.shop).state();
  const counts = new Map<string, number>();
  for (const { customerId } of recent) counts.set(customerId, (counts.get(customerId) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
