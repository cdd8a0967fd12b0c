import { z } from 'zod';
import { type Envelope, envelope, label, time } from '../field.ts';

type Engagement = { readonly campaign_id: string; readonly event_date: number };

export type EmailOpen = Envelope<'email_open'> & Engagement;
export type EmailClick = Envelope<'email_click'> & Engagement;
export type CampaignView = Envelope<'campaign_view'> & Engagement;

/** The three kinds of engagement differ by name alone. `event_date` is by default the time of the event. */
function engagement<Type extends 'email_open' | 'email_click' | 'campaign_view'>(type: Type) {
  return z
    .object({
      ...envelope,
      event_type: z.literal(type),
      campaign_id: label,
      event_date: time.exactOptional(),
    })
    .transform((wire): Envelope<Type> & Engagement => ({
      event_id: wire.event_id,
      event_type: type,
      customer_id: wire.customer_id,
      occurred_at: wire.occurred_at,
      campaign_id: wire.campaign_id,
      event_date: wire.event_date ?? wire.occurred_at,
    }));
}

export const emailOpen = engagement('email_open');
export const emailClick = engagement('email_click');
export const campaignView = engagement('campaign_view');
