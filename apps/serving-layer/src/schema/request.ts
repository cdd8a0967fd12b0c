import { isIdentifier, MAX_IDENTIFIER_BYTES, parseTime } from '@tidemark/contracts';
import { z } from 'zod';

/*
 * What requests are made of. Query strings are read strictly: an unknown parameter, or one given twice, is refused rather
 * than passed over.
 */

export const customerId = z
  .string()
  .refine(isIdentifier, `expected 1 to ${MAX_IDENTIFIER_BYTES} bytes of UTF-8 without control characters`)
  .describe(`1 to ${MAX_IDENTIFIER_BYTES} bytes of UTF-8 without control characters.`);

/** Read into UTC milliseconds. */
export const asOf = z
  .string()
  .transform((text, context) => {
    const timeMs = parseTime(text);
    if (timeMs !== null) return timeMs;
    context.addIssue({
      code: 'custom',
      message: 'expected a time as RFC 3339 writes it, such as 2024-05-01T12:00:00Z',
    });
    return z.NEVER;
  })
  .describe(
    'The moment that windows and ages are counted to, RFC 3339; at the earliest 24 h before the barrier. Default: now.',
  );

const MAX_INT32 = 2 ** 31 - 1;

export const generation = z
  .string()
  .regex(/^[1-9]\d{0,9}$/, 'expected the number of a generation')
  .transform(Number)
  .pipe(z.number().max(MAX_INT32))
  .describe('Reads this published generation instead of the live one.');

export const layer = z.enum(['merged', 'batch', 'speed']).describe('Default: merged.');

/** How many entries a page has at most. */
export const limit = (byDefault: number, max: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,5}$/, `expected a whole number from 1 to ${max}`)
    .transform(Number)
    .pipe(z.number().max(max, `expected a whole number from 1 to ${max}`))
    .optional()
    .transform((given) => given ?? byDefault)
    .describe(`1 to ${max}; default ${byDefault}.`);
