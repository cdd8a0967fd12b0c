import { z } from 'zod';
import { currencyField, type Envelope, envelope, identifier, money } from '../field.ts';

/** Money given back for an order. It does not change the order. */
export type RefundIssued = Envelope<'refund_issued'> & {
  readonly refund_id: string;
  readonly order_id: string;
  readonly amount: bigint;
};

/** `large_refund` is another name that producers use for the same event. */
export function refundIssued(currency: string) {
  return z
    .object({
      ...envelope,
      event_type: z.literal(['refund_issued', 'large_refund']),
      refund_id: identifier,
      order_id: identifier,
      currency: currencyField(currency),
      amount: money(currency),
    })
    .transform(
      (wire): RefundIssued => ({
        event_id: wire.event_id,
        event_type: 'refund_issued',
        customer_id: wire.customer_id,
        occurred_at: wire.occurred_at,
        refund_id: wire.refund_id,
        order_id: wire.order_id,
        amount: wire.amount,
      }),
    );
}
