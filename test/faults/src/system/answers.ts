import { z } from 'zod';

const metrics = z.looseObject({
  order_count: z.int(),
  tickets_total: z.int(),
  email_opens: z.int(),
  total_revenue: z.string(),
});

const customerSchema = z.looseObject({
  metrics,
  provenance: z.looseObject({
    generation: z.int().nullable(),
    published_at: z.iso.datetime().nullable(),
    positions: z.record(z.string(), z.string()),
  }),
});

const batchSchema = z.looseObject({
  customers: z.array(z.looseObject({ customer_id: z.string(), metrics })),
  unknown: z.array(z.string()),
  provenance: customerSchema.shape.provenance,
});

const problemSchema = z.looseObject({ code: z.string() });

export type CustomerAnswer = z.output<typeof customerSchema>;
export type BatchAnswer = z.output<typeof batchSchema>;

/** What a question came to: an answer, or why there was none. */
export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number | null; readonly code: string };

const TIMEOUT_MS = 40_000;

async function ask<T>(schema: z.ZodType<T>, url: string, init: RequestInit = {}): Promise<Asked<T>> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await response.json();
  } catch (error) {
    return { ok: false, status: null, code: error instanceof Error ? error.message : String(error) };
  }
  if (response.status === 200) return { ok: true, value: schema.parse(body) };
  return { ok: false, status: response.status, code: problemSchema.parse(body).code };
}

export const askCustomer = (api: string, id: string): Promise<Asked<CustomerAnswer>> =>
  ask(customerSchema, `${api}/v1/customers/${id}`);

export const askCustomers = (api: string, ids: readonly string[]): Promise<Asked<BatchAnswer>> =>
  ask(batchSchema, `${api}/v1/customers:batchGet`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customer_ids: ids }),
  });
