import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isCancelled } from './event/order.ts';
import { eventSchemas } from './event.ts';
import { REJECT_CODES } from './reject.ts';

/** The first two cells of the README's table rows that start with a code, whatever the padding. */
const rows = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  .split('\n')
  .flatMap((line): [string, string][] => {
    const [, name, meaning] = line.split('|').map((cell) => cell.trim());
    return name?.startsWith('`') && meaning !== undefined ? [[name.slice(1, -1), meaning]] : [];
  });

test.each(Object.entries(eventSchemas('USD')))('%s has a JSON schema of its wire form', (type, schema) => {
  const document = z.toJSONSchema(schema, { io: 'input' });
  expect(document.required).toEqual(expect.arrayContaining(['event_id', 'event_type', 'customer_id', 'occurred_at']));
  expect(document.properties?.occurred_at).toMatchObject({ type: 'string', format: 'date-time' });
  expect(document.properties?.event_id).toMatchObject({ type: 'string', maxLength: 256 });
  expect(document.additionalProperties).not.toBe(false);
  expect(rows.map(([name]) => name)).toContain(type);
});

test('an amount is text or a number on the wire', () => {
  const document = z.toJSONSchema(eventSchemas('JPY').refund_issued, { io: 'input' });
  expect(document.properties?.amount).toMatchObject({
    type: ['string', 'number'],
    description: expect.stringContaining('JPY: not negative, at most 0 digits'),
  });
});

test('the README has the table of codes, no more and no less', () => {
  const documented = rows.filter(([code]) => !Object.hasOwn(eventSchemas('USD'), code));
  expect(documented).toStrictEqual(Object.entries(REJECT_CODES).map(([code, { summary }]) => [code, summary]));
});

test.each(['cancelled', 'CANCELLED', 'Cancelled'])('%j cancels', (status) => {
  expect(isCancelled(status)).toBe(true);
});

test.each(['canceled', ' cancelled', 'cancelled\n', 'completed', 'cancelledx', 'ｃancelled', ''])(
  '%j does not cancel',
  (status) => {
    expect(isCancelled(status)).toBe(false);
  },
);
