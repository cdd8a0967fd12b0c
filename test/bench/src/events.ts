import type { Append } from '@tidemark/log';

const encoder = new TextEncoder();
const FIRST_MS = Date.UTC(2026, 0, 1);

/** Plain orders of about 200 bytes, as a producer sends them. The same every time. */
export function orderRecords(count: number, customers: number): Append[] {
  return Array.from({ length: count }, (_, n) => {
    // A stride without a common factor visits customers in no order, all equally often.
    const customer = `customer-${(n * 7919) % customers}`;
    const event = {
      event_id: `event-${n}`,
      event_type: 'order_placed',
      customer_id: customer,
      occurred_at: new Date(FIRST_MS + n * 1000).toISOString(),
      order_id: `order-${n}`,
      total_amount: `${n % 500}.${String(n % 100).padStart(2, '0')}`,
    };
    return { key: encoder.encode(customer), value: encoder.encode(JSON.stringify(event)) };
  });
}

export function* chunks<T>(items: readonly T[], size: number): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
