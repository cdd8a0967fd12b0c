import { z } from 'zod';
import { type Envelope, envelope, identifier, label, time } from '../field.ts';

export type Priority = 'low' | 'medium' | 'high' | 'urgent';

type Ticket = {
  readonly ticket_id: string;
  readonly category: string;
  readonly priority: Priority;
  readonly created_date: number;
};

export type SupportTicketCreated = Envelope<'support_ticket_created'> & Ticket;

/** Carries the ticket as it was created, so that the open one can be taken back without looking it up. */
export type SupportTicketResolved = Envelope<'support_ticket_resolved'> & Ticket & { readonly resolved_date: number };

const ticket = {
  ticket_id: identifier,
  category: label,
  priority: z.enum(['low', 'medium', 'high', 'urgent']),
};

/** `created_date` is by default the time of the event. */
export const supportTicketCreated = z
  .object({
    ...envelope,
    event_type: z.literal('support_ticket_created'),
    ...ticket,
    created_date: time.exactOptional(),
  })
  .transform(
    (wire): SupportTicketCreated => ({
      event_id: wire.event_id,
      event_type: wire.event_type,
      customer_id: wire.customer_id,
      occurred_at: wire.occurred_at,
      ticket_id: wire.ticket_id,
      category: wire.category,
      priority: wire.priority,
      created_date: wire.created_date ?? wire.occurred_at,
    }),
  );

/** `resolved_date` is by default the time of the event; `created_date` has no default, it says what is taken back. */
export const supportTicketResolved = z
  .object({
    ...envelope,
    event_type: z.literal('support_ticket_resolved'),
    ...ticket,
    created_date: time,
    resolved_date: time.exactOptional(),
  })
  .transform(
    (wire): SupportTicketResolved => ({
      event_id: wire.event_id,
      event_type: wire.event_type,
      customer_id: wire.customer_id,
      occurred_at: wire.occurred_at,
      ticket_id: wire.ticket_id,
      category: wire.category,
      priority: wire.priority,
      created_date: wire.created_date,
      resolved_date: wire.resolved_date ?? wire.occurred_at,
    }),
  );
