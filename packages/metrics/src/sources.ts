import { isCancelled, type OrderBody, type TidemarkEvent } from '@tidemark/contracts';
import { type Row, type Source, source } from './source.ts';

export const orders = source('orders', {
  keyed: true,
  fields: { order_date: 'time', total_amount: 'money', cancelled: 'bool' },
});

export const refunds = source('refunds', {
  keyed: true,
  fields: { order_id: 'text', amount: 'money', refunded_at: 'time' },
});

export const supportTickets = source('support_tickets', {
  keyed: true,
  fields: { category: 'text', priority: 'text', created_date: 'time', resolved_date: 'time?' },
});

export const marketingEvents = source('marketing_events', {
  keyed: false,
  fields: { engagement: 'text', campaign_id: 'text', event_date: 'time' },
});

export const profiles = source('profiles', {
  keyed: false,
  fields: { segment: 'text~', country: 'text~', birth_year: 'int~' },
});

/** Every source, in the order their rows are filed and their columns stand. */
export const SOURCES: readonly Source[] = [orders, refunds, supportTickets, marketingEvents, profiles];

/** What an event does to a row: `placed` makes it, `changed` and `cancelled` replace it. */
export type ChangeKind = 'placed' | 'changed' | 'cancelled';

/**
 * An event as signed rows of one source (a Z-set of at most two): `minus` is taken back, `plus` is put in its place.
 * The speed layer folds both; the batch layer keeps the plus side with its kind and consolidates by (customer, key).
 */
export type Change = {
  readonly source: Source;
  readonly kind: ChangeKind;
  /** The row's key within its customer; the event's id in a source without keys. */
  readonly key: string;
  readonly minus: Row | null;
  readonly plus: Row;
};

/** The one expansion of events into change rows, used by both layers. Pure. */
export function expand(event: TidemarkEvent): Change {
  switch (event.event_type) {
    case 'order_placed':
      return { source: orders, kind: 'placed', key: event.order_id, minus: null, plus: orderRow(event) };
    case 'order_changed':
      return {
        source: orders,
        kind: 'changed',
        key: event.order_id,
        minus: orderRow(event.before),
        plus: orderRow(event.after),
      };
    case 'order_cancelled': {
      const { order_date, total_amount } = event;
      return {
        source: orders,
        kind: 'cancelled',
        key: event.order_id,
        minus: { order_date, total_amount, cancelled: false },
        plus: { order_date, total_amount, cancelled: true },
      };
    }
    case 'refund_issued':
      return {
        source: refunds,
        kind: 'placed',
        key: event.refund_id,
        minus: null,
        plus: { order_id: event.order_id, amount: event.amount, refunded_at: event.occurred_at },
      };
    case 'support_ticket_created':
      return {
        source: supportTickets,
        kind: 'placed',
        key: event.ticket_id,
        minus: null,
        plus: ticketRow(event, null),
      };
    case 'support_ticket_resolved':
      return {
        source: supportTickets,
        kind: 'changed',
        key: event.ticket_id,
        minus: ticketRow(event, null),
        plus: ticketRow(event, event.resolved_date),
      };
    case 'email_open':
    case 'email_click':
    case 'campaign_view':
      return {
        source: marketingEvents,
        kind: 'placed',
        key: event.event_id,
        minus: null,
        plus: { engagement: event.event_type, campaign_id: event.campaign_id, event_date: event.event_date },
      };
    case 'customer_profile_updated':
      return {
        source: profiles,
        kind: 'placed',
        key: event.event_id,
        minus: null,
        plus: { segment: event.segment, country: event.country, birth_year: event.birth_year },
      };
  }
}

function orderRow(body: OrderBody): Row {
  return { order_date: body.order_date, total_amount: body.total_amount, cancelled: isCancelled(body.status) };
}

function ticketRow(
  ticket: { readonly category: string; readonly priority: string; readonly created_date: number },
  resolvedDate: number | null,
): Row {
  return {
    category: ticket.category,
    priority: ticket.priority,
    created_date: ticket.created_date,
    resolved_date: resolvedDate,
  };
}
