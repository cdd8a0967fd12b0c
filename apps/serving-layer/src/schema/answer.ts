import type { Definition, Metric, MetricValue } from '@tidemark/metrics';
import { z } from 'zod';

const offset = z.string().regex(/^\d+$/);
const offsets = z.record(z.string(), offset);
const time = z.iso.datetime();

const deltaUsed = z.strictObject({
  partition: z.int(),
  epoch: z.int(),
  last_offset: offset.describe('The last record folded into this delta.'),
});

const cut = z
  .strictObject({ partitions: offsets, imports: z.int() })
  .describe(
    'What the generation covers: in each partition the records before the offset, and imports up to the number.',
  );

const readProvenance = z.strictObject({
  definition: z.string(),
  generation: z.int().nullable().describe('null before the first generation: the answer comes from deltas alone.'),
  cut: cut.nullable(),
  published_at: time.nullable(),
  as_of: time.describe('The moment that windows and ages are counted to.'),
  positions: offsets.describe('The last record folded, by partition: everything up to it is in the answer.'),
  staleness_ms: z
    .number()
    .min(0)
    .nullable()
    .describe('Age of the oldest record not yet folded; 0 when level, null when the log can not be asked.'),
});

const customerProvenance = z.strictObject({
  definition: readProvenance.shape.definition,
  generation: readProvenance.shape.generation,
  cut: readProvenance.shape.cut,
  published_at: readProvenance.shape.published_at,
  as_of: readProvenance.shape.as_of,
  deltas: z.array(deltaUsed).readonly(),
  positions: readProvenance.shape.positions,
  staleness_ms: readProvenance.shape.staleness_ms,
});

export type DeltaUsed = z.output<typeof deltaUsed>;
export type ReadProvenance = z.output<typeof readProvenance>;
export type CustomerAnswer = z.output<ReturnType<typeof answerSchemas>['customer']>;

/** The answers' schemas under a definition: its metrics, in its order. */
export function answerSchemas(definition: Definition) {
  const metrics = z.strictObject(
    Object.fromEntries(definition.metrics.map((metric) => [metric.name, metricSchema(metric)])),
  );
  const provisional = z
    .array(z.string())
    .readonly()
    .describe(
      'Metrics that may deviate until the next generation: something was taken back that may have decided them.',
    );
  const currency = z.string().describe('The currency of all money.');
  const merged = { customer_id: z.string(), metrics, provisional };
  return {
    customer: z.strictObject({
      customer_id: z.string(),
      currency,
      metrics,
      provisional,
      provenance: customerProvenance,
    }),
    batch: z.strictObject({
      currency,
      customers: z.array(z.strictObject({ ...merged, deltas: z.array(deltaUsed).readonly() })),
      unknown: z.array(z.string()).describe('Ids asked for that have neither row nor delta.'),
      provenance: readProvenance,
    }),
    ranking: z.strictObject({
      currency,
      customers: z.array(z.strictObject({ ...merged, deltas: z.array(deltaUsed).readonly() })),
      exact_to_depth: z
        .int()
        .nullable()
        .describe('So many entries from the top of the ranking stand where they belong; null: all do.'),
      next_cursor: z.string().nullable(),
      provenance: readProvenance,
    }),
  };
}

function metricSchema({ unit, about }: Metric): z.ZodType<MetricValue> {
  switch (unit) {
    case 'money':
      return z
        .string()
        .regex(/^-?\d+(\.\d+)?$/)
        .nullable()
        .describe(about);
    case 'time':
      return time.nullable().describe(about);
    case 'count':
    case 'days':
    case 'year':
      return z.int().nullable().describe(about);
    case 'text':
      return z.string().nullable().describe(about);
    case 'counts by text':
      return z.record(z.string(), z.int()).describe(about);
    case 'boolean':
      return z.boolean().describe(about);
    case 'reasons':
      return z.array(z.string()).describe(about);
  }
}
