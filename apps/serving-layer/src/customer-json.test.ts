import { CUSTOMER_METRICS, define, type Metric, type MetricValue } from '@tidemark/metrics';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { customerJson } from './customer-json.ts';

const definition = define('USD');
const seed = Number(process.env.TIDEMARK_SEED ?? Math.floor(Math.random() * 2 ** 31));

function anyValue({ unit }: Metric): fc.Arbitrary<MetricValue> {
  const text = fc.string({ unit: 'binary' });
  const integer = fc.maxSafeInteger();
  switch (unit) {
    case 'money':
      return fc.option(fc.constantFrom('0.00', '-12.34', '170141183460469231731687303715884105.72'));
    case 'time':
      return fc.option(fc.date({ noInvalidDate: true }).map((date) => date.toISOString()));
    case 'count':
    case 'days':
    case 'year':
      return fc.option(integer);
    case 'boolean':
      return fc.boolean();
    case 'text':
      return fc.option(text);
    case 'reasons':
      return fc.array(text, { maxLength: 3 });
    case 'counts by text':
      return fc.dictionary(text, integer, { maxKeys: 4 });
  }
}

const offsets = fc.dictionary(fc.nat({ max: 9 }).map(String), fc.nat().map(String));
const answer = fc.record({
  customer_id: fc.string({ unit: 'binary', minLength: 1 }),
  currency: fc.constant('USD'),
  metrics: fc.record(Object.fromEntries(CUSTOMER_METRICS.map((metric) => [metric.name, anyValue(metric)]))),
  provisional: fc.subarray(CUSTOMER_METRICS.map(({ name }) => name)),
  provenance: fc.record({
    definition: fc.constant(definition.id),
    generation: fc.option(fc.nat()),
    cut: fc.option(fc.record({ partitions: offsets, imports: fc.nat() })),
    published_at: fc.option(fc.constant('2024-06-01T12:01:00.000Z')),
    as_of: fc.constant('2024-06-01T13:00:00.000Z'),
    deltas: fc.array(fc.record({ partition: fc.nat(), epoch: fc.nat(), last_offset: fc.nat().map(String) }), {
      maxLength: 2,
    }),
    positions: offsets,
    staleness_ms: fc.option(fc.nat()),
  }),
});

test(`an answer's text is what JSON.stringify makes of it (seed ${seed})`, () => {
  const write = customerJson(definition);
  fc.assert(
    fc.property(answer, (given) => {
      expect(write(given)).toBe(JSON.stringify(given));
    }),
    { seed, numRuns: 300 },
  );
});
