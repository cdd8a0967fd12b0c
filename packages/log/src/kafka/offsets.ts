import type { Bounds } from '../port.ts';
import type { Cluster } from './cluster.ts';
import { listOffsets } from './requests/list-offsets.ts';

/** The bounds of the partitions, asked of their leaders. */
export async function readBounds(cluster: Cluster, partitions: readonly number[]): Promise<Map<number, Bounds>> {
  const byLeader = new Map<number, number[]>();
  for (const partition of partitions) {
    const leader = await cluster.leaderOf(partition);
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const answers = await Promise.all(
    [...byLeader].map(async ([leader, led]) => {
      const ask = (which: 'start' | 'end') => cluster.send(leader, 'main', listOffsets(cluster.topic, which, led));
      // The start first: it only rises, so that it can't be above an end that was read later.
      const [starts, ends] = [await ask('start'), await ask('end')];
      return led.map((partition): [number, Bounds] => {
        const start = starts.get(partition) ?? 0n;
        const end = ends.get(partition) ?? start;
        return [partition, { start, end: end > start ? end : start }];
      });
    }),
  );
  return new Map(answers.flat().sort(([a], [b]) => a - b));
}
