import { z } from 'zod';
import { type Envelope, envelope, label } from '../field.ts';

/** A property that is absent keeps what is known, null clears it. */
export type CustomerProfileUpdated = Envelope<'customer_profile_updated'> & {
  readonly segment?: string | null;
  readonly country?: string | null;
  readonly birth_year?: number | null;
};

const FIRST_BIRTH_YEAR = 1800;
const LAST_BIRTH_YEAR = 2999;

/** Parsing leaves an object of exactly the properties that were sent, so it needs no transform. */
export const customerProfileUpdated = z.object({
  ...envelope,
  event_type: z.literal('customer_profile_updated'),
  segment: label.nullable().exactOptional(),
  country: label.nullable().exactOptional(),
  birth_year: z.int().min(FIRST_BIRTH_YEAR).max(LAST_BIRTH_YEAR).nullable().exactOptional(),
});
