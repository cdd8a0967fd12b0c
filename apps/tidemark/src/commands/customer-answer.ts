import { z } from 'zod';

/** A metric's value as the API writes it. */
const metricValue = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.string()),
  z.record(z.string(), z.number()),
]);
export type MetricValue = z.output<typeof metricValue>;

const metrics = z.record(z.string(), metricValue);

const provenance = z.object({
  definition: z.string(),
  generation: z.int().nullable(),
  published_at: z.string().nullable(),
  as_of: z.string(),
  positions: z.record(z.string(), z.string()),
  staleness_ms: z.number().nullable(),
});
export type Provenance = z.output<typeof provenance>;

const delta = z.object({ partition: z.int(), epoch: z.int(), last_offset: z.string() });

/** What a command reads of `GET /v1/customers/:id`. */
export const customerAnswer = z.object({
  customer_id: z.string(),
  currency: z.string(),
  metrics,
  provisional: z.array(z.string()),
  provenance: provenance.extend({ deltas: z.array(delta) }),
});

/** What a command reads of `GET /v1/customers`. */
export const rankingAnswer = z.object({
  currency: z.string(),
  customers: z.array(z.object({ customer_id: z.string(), metrics, provisional: z.array(z.string()) })),
  exact_to_depth: z.int().nullable(),
  provenance,
});

/** A value as a person reads it. */
export function shown(value: MetricValue): string {
  if (value === null) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.join(', ');
  if (typeof value === 'object') {
    const parts = Object.entries(value).map(([name, times]) => `${name} ${times}`);
    return parts.length === 0 ? '–' : parts.join(', ');
  }
  return String(value);
}

export function shownProvenance({ generation, staleness_ms: staleness, as_of: asOf }: Provenance): string {
  const made = generation === null ? 'no generation yet: from live events alone' : `generation ${generation}`;
  const fresh =
    staleness === null ? 'staleness unknown' : staleness === 0 ? 'level with the log' : `${staleness} ms behind`;
  return `${made}, ${fresh}, as of ${asOf}`;
}
