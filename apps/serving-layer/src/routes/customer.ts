import { z } from 'zod';
import { customerJson } from '../customer-json.ts';
import { ApiProblem } from '../problem.ts';
import { asOf, customerId, generation, layer } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';

const params = z.strictObject({ id: customerId });
const querystring = z.strictObject({
  layer: layer.optional(),
  generation: generation.optional(),
  as_of: asOf.optional(),
});

/** `GET /v1/customers/:id`. The order of the answer's fields is part of it: commands print it as it comes. */
export function customerRoute(app: ServingApp, { context, customers, answers }: Services): void {
  const { currency } = context.definition;
  const description = `The customers named \`export\`, \`.\` and \`..\` can't be named in a path: ask for them by batchGet.`;
  const schema = {
    summary: 'One customer, merged',
    description,
    params,
    querystring,
    response: { 200: answers.customer },
  };
  const writeAnswer = customerJson(context.definition);
  app.get('/v1/customers/:id', { schema, serializerCompiler: () => writeAnswer }, async (request) => {
    const { id } = request.params;
    const { layer: asked, generation: of, as_of } = request.query;
    const read = await customers.read([id], { layer: asked ?? 'merged', generation: of, asOfMs: as_of });
    const [customer] = read.customers;
    if (!customer) throw unknownCustomer();
    const { definition, generation: from, cut, published_at, as_of: at, positions, staleness_ms } = read.provenance;
    return {
      customer_id: id,
      currency,
      metrics: customer.metrics,
      provisional: customer.provisional,
      provenance: {
        definition,
        generation: from,
        cut,
        published_at,
        as_of: at,
        deltas: customer.deltas,
        positions,
        staleness_ms,
      },
    };
  });
}

const unknownCustomer = (): ApiProblem =>
  new ApiProblem('TIDEMARK_API_UNKNOWN_CUSTOMER', 'There is neither a batch row nor a delta of this customer here.');
