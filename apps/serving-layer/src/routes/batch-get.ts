import { z } from 'zod';
import { asOf, customerId, layer } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';
import { entryOf } from './customers.ts';

const MAX_IDS = 500;

const body = z.strictObject({
  customer_ids: z
    .array(customerId)
    .min(1)
    .max(MAX_IDS)
    .describe(`1 to ${MAX_IDS} ids; one given twice is answered twice.`),
  layer: layer.optional(),
  generation: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional(),
  as_of: asOf.optional(),
});

/** `POST /v1/customers:batchGet`: many customers at one moment of one generation. */
export function batchGetRoute(app: ServingApp, { context, customers, answers }: Services): void {
  const { currency } = context.definition;
  const schema = { summary: 'Up to 500 customers, in the order asked', body, response: { 200: answers.batch } };
  // The colon is doubled, or what follows would be a parameter.
  app.post('/v1/customers::batchGet', { schema }, async (request) => {
    const { customer_ids, layer: asked, generation, as_of } = request.body;
    const read = await customers.read(customer_ids, { layer: asked ?? 'merged', generation, asOfMs: as_of });
    const unknown = new Set(customer_ids.filter((_, index) => read.customers[index] === null));
    return {
      currency,
      customers: read.customers.flatMap(entryOf),
      unknown: [...unknown],
      provenance: read.provenance,
    };
  });
}
