import type { Definition, Metric } from '@tidemark/metrics';
import { z } from 'zod';
import type { Services, ServingApp } from '../services.ts';

const entry = z.strictObject({
  name: z.string(),
  type: z.enum(['string', 'integer', 'boolean', 'array', 'object']).describe('The JSON type of a value.'),
  unit: z.string(),
  definition: z.string(),
  under_retraction: z
    .enum(['exact', 'provisional'])
    .describe('What the metric is when something it counts is taken back, until the next generation.'),
  ranked: z.boolean().describe('`GET /v1/customers?sort=` knows it.'),
});
const answer = z.strictObject({ definition: z.string(), currency: z.string(), metrics: z.array(entry) });

const TYPES: Readonly<Record<Metric['unit'], z.output<typeof entry>['type']>> = {
  money: 'string',
  time: 'string',
  text: 'string',
  count: 'integer',
  days: 'integer',
  year: 'integer',
  boolean: 'boolean',
  reasons: 'array',
  'counts by text': 'object',
};

/** `GET /v1/metrics-catalog`: what every metric means, in the order of answers. */
export function metricsCatalogRoute(app: ServingApp, { context: { definition } }: Services): void {
  const byName = new Map(definition.metrics.map((metric) => [metric.name, metric]));
  const catalog = {
    definition: definition.id,
    currency: definition.currency,
    metrics: definition.metrics.map((metric) => ({
      name: metric.name,
      type: TYPES[metric.unit],
      unit: metric.unit,
      definition: metric.about,
      under_retraction: isExact(byName, metric) ? ('exact' as const) : ('provisional' as const),
      ranked: metric.ranked,
    })),
  };
  const schema = { summary: 'What each metric means', response: { 200: answer } };
  app.get('/v1/metrics-catalog', { schema }, async () => catalog);
}

/** A derived metric is as exact as what it is derived from. */
function isExact(byName: ReadonlyMap<string, Definition['metrics'][number]>, metric: Metric): boolean {
  const all = (names: readonly string[]): boolean =>
    names.every((name) => {
      const input = byName.get(name);
      return input === undefined || isExact(byName, input);
    });
  switch (metric.kind) {
    case 'measured':
      return metric.measure.aggregate.exact;
    case 'derived':
      return all(metric.expression.inputs);
    case 'reasons':
      return all(metric.reasons.map((reason) => reason.metric));
    case 'flag':
      return all([metric.reasons]);
  }
}
