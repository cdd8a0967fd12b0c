import type { z } from 'zod';
import {
  type CampaignView,
  campaignView,
  type EmailClick,
  type EmailOpen,
  emailClick,
  emailOpen,
} from './event/marketing.ts';
import {
  type OrderCancelled,
  type OrderChanged,
  type OrderPlaced,
  orderCancelled,
  orderChanged,
  orderPlaced,
} from './event/order.ts';
import { type CustomerProfileUpdated, customerProfileUpdated } from './event/profile.ts';
import { type RefundIssued, refundIssued } from './event/refund.ts';
import {
  type SupportTicketCreated,
  type SupportTicketResolved,
  supportTicketCreated,
  supportTicketResolved,
} from './event/support-ticket.ts';

/** Everything that can happen to a customer, parsed: times are UTC milliseconds, money is minor units. */
export type TidemarkEvent =
  | OrderPlaced
  | OrderChanged
  | OrderCancelled
  | RefundIssued
  | SupportTicketCreated
  | SupportTicketResolved
  | EmailOpen
  | EmailClick
  | CampaignView
  | CustomerProfileUpdated;

export type EventType = TidemarkEvent['event_type'];

/** A name that `event_type` may have on the wire: the event types and the alias of one. */
export type WireEventType = EventType | 'large_refund';

/**
 * The contract of each event, by its `event_type` on the wire: a zod schema from the JSON object to the parsed event.
 * `z.toJSONSchema(schema, { io: 'input' })` documents the wire form. Throws `TIDEMARK_CURRENCY_UNKNOWN`.
 */
export function eventSchemas(currency: string): Readonly<Record<WireEventType, z.ZodType<TidemarkEvent>>> {
  const refund = refundIssued(currency);
  return {
    order_placed: orderPlaced(currency),
    order_changed: orderChanged(currency),
    order_cancelled: orderCancelled(currency),
    refund_issued: refund,
    large_refund: refund,
    support_ticket_created: supportTicketCreated,
    support_ticket_resolved: supportTicketResolved,
    email_open: emailOpen,
    email_click: emailClick,
    campaign_view: campaignView,
    customer_profile_updated: customerProfileUpdated,
  };
}
