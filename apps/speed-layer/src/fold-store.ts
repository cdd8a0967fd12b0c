import { type RetryOptions, retry } from '@tidemark/runtime';
import type { Views } from '@tidemark/views';

/** What the speed layer needs of the views. Every call may be repeated. */
export type FoldStore = Pick<
  Views,
  'positions' | 'loadDeltas' | 'writeTouched' | 'writeDeltas' | 'writeDeadLetters' | 'writePosition'
>;

/** The same store with outages ridden out, call by call: what was acknowledged before stays before. */
export function retrying(store: FoldStore, options: RetryOptions = {}): FoldStore {
  const again = <T>(call: () => Promise<T>) => retry(call, options);
  return {
    positions: () => again(() => store.positions()),
    loadDeltas: (keys) => again(() => store.loadDeltas(keys)),
    writeTouched: (keys) => again(() => store.writeTouched(keys)),
    writeDeltas: (rows) => again(() => store.writeDeltas(rows)),
    writeDeadLetters: (letters) => again(() => store.writeDeadLetters(letters)),
    writePosition: (partition, position) => again(() => store.writePosition(partition, position)),
  };
}
