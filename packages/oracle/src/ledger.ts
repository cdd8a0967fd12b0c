import type { TidemarkEvent } from '@tidemark/contracts';
import { grouped, type HistoryRecord } from './history.ts';

/** A row counted once (+1) or taken back once (−1). */
export type Line<T> = { readonly sign: 1 | -1; readonly row: T; readonly event: TidemarkEvent };

/** What an event says about one row: which, whether it makes it or revises it, what stood there, what stands there. */
export type Entry<T> = {
  readonly key: string;
  readonly verb: 'makes' | 'revises';
  readonly took: T | null;
  readonly left: T;
};

/** Reads an event as an entry of one ledger; null when the event is about something else. */
export type Reader<T> = (event: TidemarkEvent) => Entry<T> | null;

type Written<T> = Entry<T> & { readonly record: HistoryRecord };

const entries = <T>(records: readonly HistoryRecord[], read: Reader<T>): Written<T>[] =>
  records.flatMap((record) => {
    const entry = read(record.event);
    return entry === null ? [] : [{ ...entry, record }];
  });

/**
 * How each key of one customer stands after `records` (in total order, without repeats), and how many keys were revised
 * but never made.
 */
export function settled<T>(
  records: readonly HistoryRecord[],
  read: Reader<T>,
): { lines: Line<T>[]; unmatched: number } {
  const lines: Line<T>[] = [];
  let unmatched = 0;
  for (const ofKey of grouped(entries(records, read), ({ key }) => key).values()) {
    const deciding = decide(ofKey);
    lines.push({ sign: 1, row: deciding.left, event: deciding.record.event });
    if (ofKey.every(({ verb }) => verb === 'revises')) unmatched++;
  }
  return { lines, unmatched };
}

/** The last revision in the log; else, of the last import, its last revision or else its last row; else the first. */
function decide<T>(ofKey: readonly Written<T>[]): Written<T> {
  const lastRevision = (some: readonly Written<T>[]) => some.filter(({ verb }) => verb === 'revises').at(-1);
  const inLog = ofKey.filter(({ record }) => record.source === 'log');
  const imported = ofKey.filter(({ record }) => record.source === 'import');
  const importNumber = (entry: Written<T> | undefined) =>
    entry?.record.source === 'import' ? entry.record.number : null;
  const lastImport = imported.filter((entry) => importNumber(entry) === importNumber(imported.at(-1)));
  const deciding = lastRevision(inLog) ?? lastRevision(lastImport) ?? lastImport.at(-1) ?? inLog[0];
  if (deciding === undefined) throw new TypeError('a key has at least one entry');
  return deciding;
}

/** Every entry as it says of itself: what it took with −1, what it left with +1. */
export function asSigned<T>(records: readonly HistoryRecord[], read: Reader<T>): Line<T>[] {
  return entries(records, read).flatMap(({ took, left, record: { event } }): Line<T>[] => [
    ...(took === null ? [] : [{ sign: -1 as const, row: took, event }]),
    { sign: 1, row: left, event },
  ]);
}

/** How often each value stands in the lines, taken back ones subtracted; values at zero are left out. */
export function netCounts<T, V>(lines: readonly Line<T>[], value: (row: T) => V): Map<V, number> {
  const counts = new Map<V, number>();
  for (const { sign, row } of lines) counts.set(value(row), (counts.get(value(row)) ?? 0) + sign);
  return new Map([...counts].filter(([, times]) => times !== 0));
}

/** The values that stand more often than they were taken back, ascending. */
export function standing<T>(lines: readonly Line<T>[], value: (row: T) => number): number[] {
  const counts = netCounts(lines, value);
  return [...counts].flatMap(([found, times]) => (times > 0 ? [found] : [])).sort((a, b) => a - b);
}

export const countOf = <T>(lines: readonly Line<T>[]): number => lines.reduce((total, { sign }) => total + sign, 0);
