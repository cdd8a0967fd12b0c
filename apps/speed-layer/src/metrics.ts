import type { EventLog } from '@tidemark/log';
import { Gauge, type Registry } from 'prom-client';
import type { SpeedLayer } from './speed-layer.ts';

/** Registers the speed layer's metrics; they are read off the layer when they are collected. */
export function registerMetrics(registry: Registry, layer: SpeedLayer, log: EventLog): void {
  const perPartition = (name: string, help: string, read: (partition: number) => number | undefined) =>
    new Gauge({
      name,
      help,
      labelNames: ['partition'],
      registers: [registry],
      collect() {
        this.reset();
        for (const partition of layer.progress().keys())
          this.set({ partition: String(partition) }, read(partition) ?? 0);
      },
    });
  const counts = (partition: number) => layer.progress().get(partition)?.fold.counts;

  perPartition(
    'tidemark_speed_folded_total',
    'Events folded since the partition was assigned.',
    (partition) => counts(partition)?.folded,
  );
  perPartition(
    'tidemark_speed_repeats_total',
    'Repeats left out since the partition was assigned.',
    (partition) => counts(partition)?.repeats,
  );
  perPartition(
    'tidemark_speed_pending_rows',
    'Changed rows not written yet.',
    (partition) => layer.progress().get(partition)?.fold.pending,
  );
  new Gauge({
    name: 'tidemark_speed_lag_records',
    help: 'Offsets between what was read and the end of the partition.',
    labelNames: ['partition'],
    registers: [registry],
    async collect() {
      this.reset();
      const bounds = await log.bounds();
      for (const [partition, { next }] of layer.progress()) {
        this.set({ partition: String(partition) }, Number((bounds.get(partition)?.end ?? next) - next));
      }
    },
  });
  new Gauge({
    name: 'tidemark_speed_rejected_total',
    help: 'Dead letters since the partition was assigned, by code.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { fold } of layer.progress().values()) {
        for (const [code, count] of fold.counts.rejected) this.inc({ code }, count);
      }
    },
  });
}
