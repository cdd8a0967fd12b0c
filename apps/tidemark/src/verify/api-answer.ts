import { z } from 'zod';
import { ask, parseAnswer } from '../api.ts';

const offsets = z.record(z.string(), z.string().regex(/^\d+$/).transform(BigInt));

const answerSchema = z.object({
  customers: z.array(
    z.object({
      customer_id: z.string(),
      metrics: z.record(z.string(), z.unknown()),
      provisional: z.array(z.string()),
      deltas: z.array(z.object({ partition: z.int(), last_offset: z.string().regex(/^\d+$/).transform(BigInt) })),
    }),
  ),
  unknown: z.array(z.string()),
  provenance: z.object({
    definition: z.string(),
    generation: z.int().nullable(),
    cut: z.object({ partitions: offsets, imports: z.int() }).nullable(),
    as_of: z.string(),
    positions: offsets,
  }),
});

/** What the HTTP API answered about some customers at one moment, as far as it can be checked. */
export type ApiAnswer = z.output<typeof answerSchema>;
export type AnsweredCustomer = ApiAnswer['customers'][number];

/** Asks the API about at most 500 customers. Throws `TIDEMARK_API_UNREACHABLE` or `TIDEMARK_API_PROBLEM`. */
export async function askCustomers(apiUrl: string, customerIds: readonly string[]): Promise<ApiAnswer> {
  const answer = await ask(apiUrl, '/v1/customers:batchGet', { customer_ids: customerIds });
  return parseAnswer(apiUrl, answer, answerSchema);
}
