import { positionsOf, type SwitchStore } from '@tidemark/tidemark/definitions';
import type { Serving, ViewStore } from '@tidemark/views';

/**
 * Changes which definition is served, by `work`, and holds it to its promise: what is served then is as far as what was served
 * when it was asked.
 */
export async function heldToLevel(store: ViewStore, work: (store: SwitchStore) => Promise<Serving>): Promise<Serving> {
  const before = await store.serving();
  const goal = await positionsOf(store, before?.serving);
  return work({
    serving: () => store.serving(),
    find: (id) => store.find(id),
    compareAndSetServing: async (expected, next) => {
      const positions = expected?.serving === before?.serving ? await positionsOf(store, next.serving) : goal;
      for (const [partition, { offset }] of goal) {
        const own = positions.get(partition)?.offset ?? -1n;
        if (own < offset)
          throw new Error(`switched to a definition at offset ${own} of partition ${partition}, not at ${offset}`);
      }
      return store.compareAndSetServing(expected, next);
    },
  });
}
