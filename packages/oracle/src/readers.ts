import { isCancelled, type OrderBody, type TidemarkEvent } from '@tidemark/contracts';
import type { Reader } from './ledger.ts';

export type Order = { readonly date: number; readonly amount: bigint; readonly cancelled: boolean };
export type Refund = { readonly amount: bigint };
export type Ticket = {
  readonly category: string;
  readonly priority: string;
  readonly created: number;
  readonly resolved: boolean;
};
export type Engagement = { readonly kind: string; readonly campaign: string; readonly date: number };
export type Profile = { readonly event: Extract<TidemarkEvent, { event_type: 'customer_profile_updated' }> };

const order = ({ order_date, total_amount, status }: OrderBody): Order => ({
  date: order_date,
  amount: total_amount,
  cancelled: isCancelled(status),
});

export const readOrder: Reader<Order> = (event) => {
  if (event.event_type === 'order_placed') {
    return { key: event.order_id, verb: 'makes', took: null, left: order(event) };
  }
  if (event.event_type === 'order_changed') {
    return { key: event.order_id, verb: 'revises', took: order(event.before), left: order(event.after) };
  }
  if (event.event_type === 'order_cancelled') {
    const standing = { date: event.order_date, amount: event.total_amount, cancelled: false };
    return { key: event.order_id, verb: 'revises', took: standing, left: { ...standing, cancelled: true } };
  }
  return null;
};

export const readRefund: Reader<Refund> = (event) =>
  event.event_type === 'refund_issued'
    ? { key: event.refund_id, verb: 'makes', took: null, left: { amount: event.amount } }
    : null;

export const readTicket: Reader<Ticket> = (event) => {
  if (event.event_type !== 'support_ticket_created' && event.event_type !== 'support_ticket_resolved') return null;
  const { ticket_id: key, category, priority, created_date: created } = event;
  const open = { category, priority, created, resolved: false };
  if (event.event_type === 'support_ticket_created') return { key, verb: 'makes', took: null, left: open };
  return { key, verb: 'revises', took: open, left: { ...open, resolved: true } };
};

export const readEngagement: Reader<Engagement> = (event) => {
  if (event.event_type === 'email_open' || event.event_type === 'email_click' || event.event_type === 'campaign_view') {
    const { event_type: kind, campaign_id: campaign, event_date: date } = event;
    return { key: event.event_id, verb: 'makes', took: null, left: { kind, campaign, date } };
  }
  return null;
};

export const readProfile: Reader<Profile> = (event) =>
  event.event_type === 'customer_profile_updated'
    ? { key: event.event_id, verb: 'makes', took: null, left: { event } }
    : null;
