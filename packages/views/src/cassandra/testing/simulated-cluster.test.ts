import { viewsConformance } from '../../testing/views-conformance.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

/** Clients that are answered at once, on nodes of which one always hears late, or never. */
async function openModel() {
  let turn = 0;
  let micros = 0n;
  const cluster = new SimulatedCluster({
    between: (low, high) => low + (turn++ % (high - low + 1)),
    hint: () => {},
    nowMicros: () => ++micros,
  });
  const open = async () =>
    cluster.open({ read: async (_, effect) => effect(), write: async (_, effect) => effect(true) }).store;
  return { open, close: async () => {} };
}

viewsConformance('the model of Cassandra', openModel, { fencesEqualOffsets: false, forgetsDeletes: false });
