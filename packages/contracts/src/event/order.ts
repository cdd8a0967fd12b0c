import { z } from 'zod';
import { currencyField, type Envelope, envelope, identifier, label, money, time } from '../field.ts';

/** An order as it stands: when it was placed, its amount in minor units, and its status (`isCancelled` says what counts). */
export type OrderBody = { readonly order_date: number; readonly total_amount: bigint; readonly status: string };

export type OrderPlaced = Envelope<'order_placed'> & { readonly order_id: string } & OrderBody;

/** Takes `before` back and puts `after` in its place. */
export type OrderChanged = Envelope<'order_changed'> & {
  readonly order_id: string;
  readonly before: OrderBody;
  readonly after: OrderBody;
};

/** Takes an order back that stood with this date and amount. */
export type OrderCancelled = Envelope<'order_cancelled'> & {
  readonly order_id: string;
  readonly order_date: number;
  readonly total_amount: bigint;
};

const DEFAULT_STATUS = 'completed';
const CANCELLED = /^cancelled$/i;

/** True for `cancelled` in any case of its letters, and for nothing else: any other status counts as an order. */
export function isCancelled(status: string): boolean {
  return CANCELLED.test(status);
}

/** `order_date` is by default the time of the event, `status` by default `completed`. */
export function orderPlaced(currency: string) {
  return z
    .object({
      ...envelope,
      event_type: z.literal('order_placed'),
      order_id: identifier,
      currency: currencyField(currency),
      order_date: time.exactOptional(),
      total_amount: money(currency),
      status: label.exactOptional(),
    })
    .transform(
      (wire): OrderPlaced => ({
        event_id: wire.event_id,
        event_type: wire.event_type,
        customer_id: wire.customer_id,
        occurred_at: wire.occurred_at,
        order_id: wire.order_id,
        order_date: wire.order_date ?? wire.occurred_at,
        total_amount: wire.total_amount,
        status: wire.status ?? DEFAULT_STATUS,
      }),
    );
}

/** Both bodies name their date and amount: what is taken back must not depend on a default. */
export function orderChanged(currency: string) {
  const body = z
    .object({
      currency: currencyField(currency),
      order_date: time,
      total_amount: money(currency),
      status: label.exactOptional(),
    })
    .transform(
      (wire): OrderBody => ({
        order_date: wire.order_date,
        total_amount: wire.total_amount,
        status: wire.status ?? DEFAULT_STATUS,
      }),
    );
  return z
    .object({
      ...envelope,
      event_type: z.literal('order_changed'),
      order_id: identifier,
      currency: currencyField(currency),
      before: body,
      after: body,
    })
    .transform(
      (wire): OrderChanged => ({
        event_id: wire.event_id,
        event_type: wire.event_type,
        customer_id: wire.customer_id,
        occurred_at: wire.occurred_at,
        order_id: wire.order_id,
        before: wire.before,
        after: wire.after,
      }),
    );
}

export function orderCancelled(currency: string) {
  return z
    .object({
      ...envelope,
      event_type: z.literal('order_cancelled'),
      order_id: identifier,
      currency: currencyField(currency),
      order_date: time,
      total_amount: money(currency),
    })
    .transform(
      (wire): OrderCancelled => ({
        event_id: wire.event_id,
        event_type: wire.event_type,
        customer_id: wire.customer_id,
        occurred_at: wire.occurred_at,
        order_id: wire.order_id,
        order_date: wire.order_date,
        total_amount: wire.total_amount,
      }),
    );
}
