import { expect, it } from 'vitest';
import { COLUMNS, freshId, sampleDelta } from '../testing/samples.ts';
import { SimulatedCluster } from './testing/simulated-cluster.ts';

it('shows no row of a new partition without those of its epoch 0, however slowly it reads', async () => {
  let micros = 0n;
  const cluster = new SimulatedCluster({
    between: (low) => low,
    hint: () => {},
    nowMicros: () => ++micros,
  });
  const { store } = cluster.open({
    read: async (_, effect) => effect(),
    write: async (_, effect) => effect(true),
  });
  const definition = { id: freshId(), columns: COLUMNS };
  const writer = await store.open(definition);
  const asked: (() => void)[] = [];
  const { viewsOf } = cluster.open({
    read: (_, effect) => new Promise((resolve) => asked.push(() => resolve(effect()))),
    write: async (_, effect) => effect(true),
  });
  const reader = viewsOf(definition);

  const reading = reader.read(['anna'], null, { generation: 1, cutPartitions: new Set([0]) });
  // The two statements of one read: later epochs, and epoch 0, which is answered before anything is there.
  expect(asked).toHaveLength(2);
  asked.pop()?.();
  await writer.writeDeltas([sampleDelta('anna', 0, 1, 4n)]);
  await writer.writeDeltas([sampleDelta('anna', 3, 1, 9n)]);
  asked.pop()?.();
  await new Promise((resolve) => setImmediate(resolve));
  asked.pop()?.();
  const [rows] = await reading;
  expect(rows?.deltas.map(({ epoch }) => epoch)).toEqual([0, 3]);
});
