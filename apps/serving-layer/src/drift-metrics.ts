import { Gauge } from 'prom-client';
import type { Services } from './services.ts';

/** Generations looked back for one whose drift was measured. */
const LOOK_BACK = 20;

/**
 * The newest measured drift as a gauge: customers by cause. `lost` is always there, so that an alarm has something to
 * look at; all are absent while the catalog does not answer.
 */
export function driftMetrics({ context: { catalog, definition, registry } }: Services): void {
  const newest = async () =>
    (await catalog.drifts({ definition: definition.id, below: null, limit: LOOK_BACK })).find(
      ({ status }) => status === 'measured',
    );
  new Gauge({
    name: 'tidemark_drift_customers',
    help: 'Customers that the newest measured generation corrected, by cause; `lost` is a defect.',
    labelNames: ['cause'],
    registers: [registry],
    async collect() {
      this.reset();
      const drift = await newest().catch(() => undefined);
      if (!drift) return;
      for (const [cause, customers] of Object.entries({ lost: 0, ...drift.causes })) this.set({ cause }, customers);
    },
  });
}
