import { expect, it } from 'vitest';
import { COLUMNS, freshId, sampleDelta } from '../testing/samples.ts';
import { SimulatedCluster } from './testing/simulated-cluster.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it.each([
  ['has no position yet', new Map([[0, 1n]])],
  ['has one', new Map([[1, 1n]])],
])(
  'shows no row of a new partition that %s without those of its epoch 0, however slowly it reads',
  async (_, positions) => {
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

    const reading = reader.read(['anna'], null, { generation: 1, cutPartitions: new Set([0]) }, positions);
    // Later epochs first, and epoch 0 after them.
    await settled();
    expect(asked).toHaveLength(1);
    await writer.writeDeltas([sampleDelta('anna', 0, 1, 4n)]);
    await writer.writeDeltas([sampleDelta('anna', 3, 1, 9n)]);
    asked.pop()?.();
    await settled();
    expect(asked).toHaveLength(1);
    asked.pop()?.();
    const [rows] = await reading;
    expect(rows?.deltas.map(({ epoch }) => epoch)).toEqual([0, 3]);
  },
);
