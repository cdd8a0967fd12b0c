import type { Append } from '@tidemark/log';
import type { CustomerOf } from './events.ts';

const encoder = new TextEncoder();
const FIRST_MS = Date.UTC(2026, 0, 1);
/** Events that belong together: half of them orders, and those that speak of an earlier one of the same. */
const SERIES = 20;
const CAMPAIGNS = 53;
const CATEGORIES = ['delivery', 'billing', 'returns', 'other'];
const PRIORITIES = ['low', 'medium', 'high', 'urgent'];

type Fields = Readonly<Record<string, unknown>>;

const timeOf = (n: number): string => new Date(FIRST_MS + n * 1000).toISOString();
const amountOf = (n: number): string => `${n % 500}.${String(n % 100).padStart(2, '0')}`;
const pick = (values: readonly string[], n: number): string => values[n % values.length] ?? '';

const order = (n: number): Fields => ({ order_id: `order-${n}`, total_amount: amountOf(n) });
const ticket = (n: number): Fields => ({
  ticket_id: `ticket-${n}`,
  category: pick(CATEGORIES, n >> 2),
  priority: pick(PRIORITIES, n >> 3),
});
const engagement = (n: number): Fields => ({ campaign_id: `campaign-${(n * 31) % CAMPAIGNS}` });

/** What the n-th event is, and the earlier one whose customer it has. */
function eventOf(n: number): { readonly type: string; readonly of: number; readonly fields: Fields } {
  const at = n % SERIES;
  switch (at) {
    case 10: {
      const before = { order_date: timeOf(n - 8), total_amount: amountOf(n - 8) };
      const after = { ...before, total_amount: amountOf(n) };
      return { type: 'order_changed', of: n - 8, fields: { order_id: `order-${n - 8}`, before, after } };
    }
    case 11:
      return { type: 'order_cancelled', of: n - 8, fields: { ...order(n - 8), order_date: timeOf(n - 8) } };
    case 12: {
      const fields = { refund_id: `refund-${n}`, order_id: `order-${n - 8}`, amount: amountOf(n) };
      return { type: 'refund_issued', of: n - 8, fields };
    }
    case 13:
    case 14:
      return { type: 'support_ticket_created', of: n, fields: ticket(n) };
    case 15:
      return { type: 'support_ticket_resolved', of: n - 2, fields: { ...ticket(n - 2), created_date: timeOf(n - 2) } };
    case 16:
      return { type: 'email_open', of: n, fields: engagement(n) };
    case 17:
      return { type: 'email_click', of: n, fields: engagement(n) };
    case 18:
      return { type: 'campaign_view', of: n, fields: engagement(n) };
    case 19: {
      const fields = n % 3 === 0 ? { segment: null } : { segment: `segment-${n % 7}`, birth_year: 1940 + (n % 60) };
      return { type: 'customer_profile_updated', of: n, fields: { ...fields, country: pick(['DE', 'FR', 'BR'], n) } };
    }
    default:
      return { type: 'order_placed', of: n, fields: order(n) };
  }
}

/**
 * Events of all kinds, about 200 bytes each, as a producer sends them: changes and cancels speak of orders that were placed,
 * and one event in fifty comes again a little later. The same every time.
 */
export function mixedRecords(count: number, customerOf: CustomerOf): Append[] {
  return Array.from({ length: count }, (_, at) => {
    const n = at % 50 === 49 ? at - SERIES : at;
    const { type, of, fields } = eventOf(n);
    const customer = `customer-${customerOf(of)}`;
    const envelope = { event_id: `event-${n}`, event_type: type, customer_id: customer, occurred_at: timeOf(n) };
    return { key: encoder.encode(customer), value: encoder.encode(JSON.stringify({ ...envelope, ...fields })) };
  });
}
