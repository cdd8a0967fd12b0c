import type { HistoryRecord } from '@tidemark/oracle';
import type { Definition } from '../definition.ts';
import { type Delta, emptyDelta, type FoldOutcome, foldRecord } from '../fold.ts';

/** Everything that happened to one customer, over two partitions, and a moment to cut it at. */
export type History = {
  readonly records: readonly HistoryRecord[];
  /** Barrier numbers of each partition, ascending. */
  readonly barriers: ReadonlyMap<number, readonly number[]>;
  /** The generation that is read: it covers the imports and the epochs below it. */
  readonly generation: number;
  readonly barrierAtMs: number;
  /** Not more than 24 h before the barrier. */
  readonly asOfMs: number;
};

/** Imports by number and row, then the log by epoch, partition and offset. */
export const inOrder = (records: readonly HistoryRecord[]): HistoryRecord[] =>
  [...records].sort((a, b) => {
    const [x, y] = [place(a), place(b)];
    for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return (x[i] ?? 0) - (y[i] ?? 0);
    return 0;
  });

const place = (record: HistoryRecord): readonly number[] =>
  record.source === 'import'
    ? [0, record.number, record.row, 0]
    : [1, record.epoch, record.partition, Number(record.offset)];

export const isCovered = (record: HistoryRecord, generation: number): boolean =>
  record.source === 'import' || record.epoch < generation;

export type Replayed = {
  /** Deltas by `partition/epoch`. */
  readonly deltas: ReadonlyMap<string, Delta & { readonly epoch: number }>;
  readonly outcomes: ReadonlyMap<HistoryRecord, FoldOutcome>;
};

/** The speed layer in short: folds every record of the log into the delta of its epoch and partition. */
export function replay(definition: Definition, { records, barriers }: Pick<History, 'records' | 'barriers'>): Replayed {
  const deltas = new Map<string, Delta & { readonly epoch: number }>();
  const outcomes = new Map<HistoryRecord, FoldOutcome>();
  for (const record of inOrder(records)) {
    if (record.source === 'import') continue;
    const { partition, epoch, offset, event } = record;
    const epochs = [0, ...(barriers.get(partition) ?? [])];
    const before = deltas.get(`${partition}/${epochs[epochs.indexOf(epoch) - 1]}`) ?? null;
    const delta = deltas.get(`${partition}/${epoch}`) ?? { ...emptyDelta(definition), epoch };
    deltas.set(`${partition}/${epoch}`, delta);
    outcomes.set(record, foldRecord(definition, delta, before, event, offset));
  }
  return { deltas, outcomes };
}
