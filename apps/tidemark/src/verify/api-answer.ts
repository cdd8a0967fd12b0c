import { TidemarkError } from '@tidemark/contracts';
import { z } from 'zod';

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

/** Asks the API about at most 500 customers. Throws `TIDEMARK_VERIFY_NO_ANSWER` when it does not answer as it says it does. */
export async function askApi(apiUrl: string, customerIds: readonly string[]): Promise<ApiAnswer> {
  const url = new URL('/v1/customers:batchGet', apiUrl);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customer_ids: customerIds }),
      signal: AbortSignal.timeout(30_000),
    });
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`status ${response.status}: ${JSON.stringify(body)}`);
    return answerSchema.parse(body);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TidemarkError('TIDEMARK_VERIFY_NO_ANSWER', `The API at ${url.origin} did not answer: ${why}`, { cause });
  }
}
