import { describe } from 'vitest';
import { batchConformance } from '../../testing/batch-conformance.ts';
import { deltaConformance } from '../../testing/delta-conformance.ts';
import { readConformance } from '../../testing/read-conformance.ts';
import { COLUMNS, freshId } from '../../testing/samples.ts';
import type { Suite } from '../../testing/suite.ts';
import { valueConformance } from '../../testing/value-conformance.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

/** A client that is answered at once, on nodes of which one always hears late, or never. */
function openModel() {
  let turn = 0;
  let micros = 0n;
  const cluster = new SimulatedCluster({
    definition: { id: freshId(), columns: COLUMNS },
    between: (low, high) => low + (turn++ % (high - low + 1)),
    hint: () => {},
    nowMicros: () => ++micros,
  });
  return cluster.open({ read: async (_, effect) => effect(), write: async (_, effect) => effect(true) });
}

/** As the suite of the port has it, but for definitions that are made and dropped: the model has the tables of one. */
describe('the model of Cassandra', () => {
  const suite: Suite = {
    capabilities: { fencesEqualOffsets: false, forgetsDeletes: false },
    store: () => openModel().store,
    open: async () => openModel().store,
    fresh: async () => openModel().views,
  };
  describe('batch rows', () => batchConformance(suite));
  describe('deltas', () => deltaConformance(suite));
  describe('reads', () => readConformance(suite));
  describe('values', () => valueConformance(suite));
});
