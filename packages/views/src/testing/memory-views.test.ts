import { openMemoryViews } from './memory-views.ts';
import { viewsConformance } from './views-conformance.ts';

viewsConformance(
  'memory',
  async () => {
    const store = openMemoryViews();
    return { open: async () => store, close: async () => undefined };
  },
  { fencesEqualOffsets: true, forgetsDeletes: true },
);
