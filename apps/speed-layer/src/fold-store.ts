import { type RetryOptions, retry } from '@tidemark/runtime';
import type { Views } from '@tidemark/views';

/** What the speed layer needs of the views. Every call may be repeated. */
export type FoldStore = Pick<
  Views,
  'pointer' | 'positions' | 'loadDeltas' | 'writeTouched' | 'writeDeltas' | 'writeDeadLetters' | 'writePosition'
>;

/** How the speed layer rides out an outage. */
export type Patience = Omit<RetryOptions, 'attempts'>;

/**
 * Does it again for as long as the outage lasts, or until the signal. Meanwhile nothing more is taken from the log, which
 * keeps everything: a layer that gave up would only have to be started again, to find the same outage.
 */
export const ridingOut = <T>(work: () => Promise<T>, patience: Patience): Promise<T> =>
  retry(work, { ...patience, attempts: Number.POSITIVE_INFINITY });

/** The same store with outages ridden out, call by call: what was acknowledged before stays before. */
export function retrying(store: FoldStore, patience: Patience = {}): FoldStore {
  const again = <T>(call: () => Promise<T>) => ridingOut(call, patience);
  return {
    pointer: () => again(() => store.pointer()),
    positions: () => again(() => store.positions()),
    loadDeltas: (keys) => again(() => store.loadDeltas(keys)),
    writeTouched: (keys) => again(() => store.writeTouched(keys)),
    writeDeltas: (rows) => again(() => store.writeDeltas(rows)),
    writeDeadLetters: (letters) => again(() => store.writeDeadLetters(letters)),
    writePosition: (partition, position) => again(() => store.writePosition(partition, position)),
  };
}
