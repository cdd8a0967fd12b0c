import { z } from 'zod';
import { minorDigits } from './currency.ts';
import { isIdentifier, MAX_IDENTIFIER_BYTES } from './identifier.ts';
import { parseMoney } from './money.ts';
import type { RejectCode } from './reject.ts';
import { parseTime } from './time.ts';

/** The fields that events are made of, as zod schemas of their wire form. A custom issue names its reject code. */

function code(value: RejectCode): { readonly code: RejectCode } {
  return { code: value };
}

const TEXT_RULE = `must have 1 to ${MAX_IDENTIFIER_BYTES} bytes, be well-formed and without control characters`;

/** For the JSON schema: characters are not bytes, so that it is a little wider than the check. */
const TEXT_BOUNDS = { minLength: 1, maxLength: MAX_IDENTIFIER_BYTES };

/** Names a thing: an event, a customer, an order. */
export const identifier = z
  .string()
  .refine(isIdentifier, { message: TEXT_RULE, params: code('invalid_identifier') })
  .meta(TEXT_BOUNDS);

/** Groups things: a status, a category, a country. */
export const label = z
  .string()
  .refine(isIdentifier, { message: TEXT_RULE, params: code('invalid_label') })
  .meta(TEXT_BOUNDS);

/** RFC 3339 with an offset on the wire, UTC milliseconds when parsed. */
export const time = z
  .string()
  .transform((text, context) => {
    const ms = parseTime(text);
    if (ms !== null) return ms;
    context.addIssue({
      code: 'custom',
      message: 'must be a possible RFC 3339 time with an offset, in the years 1970 to 2999',
      params: code('invalid_time'),
    });
    return z.NEVER;
  })
  .meta({ format: 'date-time' });

/** A decimal string or a number on the wire, minor units when parsed. */
export function money(currency: string) {
  const digits = minorDigits(currency);
  return z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const result = parseMoney(value, digits);
      if (result.ok) return result.minor;
      context.addIssue({ code: 'custom', message: result.reason, params: code(result.code) });
      return z.NEVER;
    })
    .meta({ description: `An amount in ${currency}: not negative, at most ${digits} digits after the point.` });
}

/** Optional everywhere; when there, it must be the deployment's. */
export function currencyField(currency: string) {
  return z
    .string()
    .refine((value) => value === currency, { message: `must be ${currency}`, params: code('wrong_currency') })
    .exactOptional();
}

/** What every event has besides its type. */
export const envelope = { event_id: identifier, customer_id: identifier, occurred_at: time };

/** The parsed envelope. Times are UTC milliseconds. A repeat has the same (customer_id, event_id). */
export type Envelope<Type extends string> = {
  readonly event_id: string;
  readonly event_type: Type;
  readonly customer_id: string;
  readonly occurred_at: number;
};
