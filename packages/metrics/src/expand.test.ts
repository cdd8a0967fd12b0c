import type { TidemarkEvent } from '@tidemark/contracts';
import { describe, expect, test } from 'vitest';
import { type Change, expand } from './sources.ts';

const envelope = { event_id: 'e', customer_id: 'c', occurred_at: 1_000 };
const ticket = { ticket_id: 't', category: 'billing', priority: 'urgent' as const, created_date: 500 };
const openTicket = { category: 'billing', priority: 'urgent', created_date: 500, resolved_date: null };

type Case = { readonly event: TidemarkEvent; readonly source: string } & Omit<Change, 'source'>;

const CASES: readonly Case[] = [
  {
    event: {
      ...envelope,
      event_type: 'order_placed',
      order_id: 'o',
      order_date: 5,
      total_amount: 7n,
      status: 'CANCELLED',
    },
    source: 'orders',
    kind: 'placed',
    key: 'o',
    minus: null,
    plus: { order_date: 5, total_amount: 7n, cancelled: true },
  },
  {
    event: {
      ...envelope,
      event_type: 'order_changed',
      order_id: 'o',
      before: { order_date: 5, total_amount: 7n, status: 'pending' },
      after: { order_date: 6, total_amount: 8n, status: 'cancelled ' },
    },
    source: 'orders',
    kind: 'changed',
    key: 'o',
    minus: { order_date: 5, total_amount: 7n, cancelled: false },
    plus: { order_date: 6, total_amount: 8n, cancelled: false },
  },
  {
    event: { ...envelope, event_type: 'order_cancelled', order_id: 'o', order_date: 5, total_amount: 7n },
    source: 'orders',
    kind: 'cancelled',
    key: 'o',
    minus: { order_date: 5, total_amount: 7n, cancelled: false },
    plus: { order_date: 5, total_amount: 7n, cancelled: true },
  },
  {
    event: { ...envelope, event_type: 'refund_issued', refund_id: 'r', order_id: 'o', amount: 3n },
    source: 'refunds',
    kind: 'placed',
    key: 'r',
    minus: null,
    plus: { order_id: 'o', amount: 3n, refunded_at: 1_000 },
  },
  {
    event: { ...envelope, event_type: 'support_ticket_created', ...ticket },
    source: 'support_tickets',
    kind: 'placed',
    key: 't',
    minus: null,
    plus: openTicket,
  },
  {
    event: { ...envelope, event_type: 'support_ticket_resolved', ...ticket, resolved_date: 900 },
    source: 'support_tickets',
    kind: 'changed',
    key: 't',
    minus: openTicket,
    plus: { ...openTicket, resolved_date: 900 },
  },
  ...(['email_open', 'email_click', 'campaign_view'] as const).map(
    (event_type): Case => ({
      event: { ...envelope, event_type, campaign_id: 'spring', event_date: 800 },
      source: 'marketing_events',
      kind: 'placed',
      key: 'e',
      minus: null,
      plus: { engagement: event_type, campaign_id: 'spring', event_date: 800 },
    }),
  ),
  {
    event: { ...envelope, event_type: 'customer_profile_updated', segment: null, birth_year: 1970 },
    source: 'profiles',
    kind: 'placed',
    key: 'e',
    minus: null,
    plus: { segment: null, country: undefined, birth_year: 1970 },
  },
];

describe('an event expands into the rows it takes back and puts in place', () => {
  test.each(CASES)('$event.event_type', ({ event, source, ...change }) => {
    const { source: of, ...expanded } = expand(event);
    expect(of.name).toBe(source);
    expect(expanded).toEqual(change);
    expect(Object.keys(expanded.plus)).toEqual(of.fields.map(({ name }) => name));
  });
});
