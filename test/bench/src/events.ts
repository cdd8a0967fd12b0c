import type { Append } from '@tidemark/log';

const encoder = new TextEncoder();
const FIRST_MS = Date.UTC(2026, 0, 1);

/** Which customer the n-th event is of. */
export type CustomerOf = (n: number) => number;

/** All equally often, in no order: a stride without a common factor. */
export const uniform =
  (customers: number): CustomerOf =>
  (n) =>
    (n * 7919) % customers;

/** The k-th customer 1/k as often as the first, by Zipf's law; the same every time. */
export function zipf(customers: number): CustomerOf {
  const upTo = new Float64Array(customers);
  let sum = 0;
  for (let k = 0; k < customers; k++) {
    sum += 1 / (k + 1);
    upTo[k] = sum;
  }
  return (n) => {
    // Spread evenly over the unit interval by the golden ratio.
    const wanted = ((n * 0.618_033_988_749_895) % 1) * sum;
    let [low, high] = [0, customers - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] ?? sum) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Plain orders of about 200 bytes, as a producer sends them. The same every time. */
export function orderRecords(count: number, customerOf: CustomerOf, first = 0): Append[] {
  return Array.from({ length: count }, (_, at) => {
    const n = first + at;
    const customer = `customer-${customerOf(n)}`;
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
