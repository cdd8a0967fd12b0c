import { byRank } from '@tidemark/views';
import { z } from 'zod';
import { asOfUnder } from '../as-of.ts';
import { decodeCursor, encodeCursor, invalidCursor } from '../cursor.ts';
import type { CustomerView } from '../customer-reader.ts';
import { gone } from '../pins.ts';
import { ApiProblem } from '../problem.ts';
import { type RankingQuery, rank } from '../ranking.ts';
import { asOf, generation, limit } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';

const DEFAULT_SORT = 'estimated_clv';

const querystring = z.strictObject({
  sort: z.string().optional().describe(`A ranked metric; default ${DEFAULT_SORT}.`),
  at_risk: z.enum(['true', 'false']).optional().describe('true: only customers at risk.'),
  limit: limit(50, 500),
  cursor: z.string().optional().describe('`next_cursor` of the page before: of the same generation and moment.'),
  generation: generation.optional(),
  as_of: asOf.optional(),
});

/** A place in one ranking: generation and moment stay as they were on the first page. */
const rankingCursor = z.strictObject({
  sort: z.string(),
  at_risk: z.boolean(),
  generation: z.int().min(1).nullable(),
  as_of: z.int().min(0),
  score: z
    .string()
    .regex(/^-?\d{1,60}$/)
    .transform(BigInt),
  customer_id: z.string(),
});

/** `GET /v1/customers`: rankings and the list of customers at risk. */
export function customersRoute(app: ServingApp, services: Services): void {
  const { context, pins, customers: reader, answers } = services;
  const { definition } = context;
  const rankedNames = definition.metrics.filter(({ ranked }) => ranked).map(({ name }) => name);
  const description = `The best customers by a ranked metric, highest first, ties by id: ${rankedNames.join(', ')}. \
A generation keeps the best 2,000 of each, and of those at risk by each; those touched since are merged in, up to ${context.limits.rankedTouched}. \
\`exact_to_depth\` says how far down the order is certain; with more touched customers than that it is 0.`;
  const schema = { summary: 'Customers, ranked', description, querystring, response: { 200: answers.ranking } };

  app.get('/v1/customers', { schema }, async (request) => {
    const { limit: size, cursor, generation: of, as_of } = request.query;
    const query = rankingQuery(request.query, rankedNames);
    const after = cursor === undefined ? null : decodeCursor(rankingCursor, cursor);
    if (after !== null && !(after.sort === query.sort && after.at_risk === query.atRisk && of === undefined))
      throw invalidCursor();
    const asked = after?.as_of ?? as_of;
    return pins.read(after?.generation ?? of, async (pin) => {
      if (after !== null && after.generation !== pin.generation) throw gone(after.generation);
      const asOfMs = asOfUnder(pin, asked, context.clock.now());
      const progress = await reader.progress();
      const { customers, exactToDepth } = await rank(context, pin, query, asOfMs);
      const place = after && { customerId: after.customer_id, score: after.score };
      const first = place === null ? 0 : customers.findIndex((entry) => byRank(entry, place) > 0);
      const page = first === -1 ? [] : customers.slice(first, first + size);
      const last = page.at(-1);
      const isLast = last === undefined || first + page.length === customers.length;
      return {
        currency: definition.currency,
        customers: page.flatMap(({ rows }) => entryOf(reader.view(rows, asOfMs))),
        exact_to_depth: exactToDepth,
        next_cursor: isLast
          ? null
          : encodeCursor({
              sort: query.sort,
              at_risk: query.atRisk,
              generation: pin.generation,
              as_of: asOfMs,
              score: String(last.score),
              customer_id: last.customerId,
            }),
        provenance: reader.provenance(pin, asOfMs, progress),
      };
    });
  });
}

/** A customer among several, with the deltas that are his. */
export function entryOf(view: CustomerView | null) {
  if (view === null) return [];
  const { customerId, metrics, provisional, deltas } = view;
  return [{ customer_id: customerId, metrics, provisional, deltas }];
}

function rankingQuery(
  { sort = DEFAULT_SORT, at_risk }: { readonly sort?: string | undefined; readonly at_risk?: string | undefined },
  rankedNames: readonly string[],
): RankingQuery {
  if (rankedNames.includes(sort)) return { sort, atRisk: at_risk === 'true' };
  throw new ApiProblem('TIDEMARK_API_UNKNOWN_SORT', `Customers are ranked by ${rankedNames.join(', ')}.`);
}
