import { minorDigits, type RejectCode } from '@tidemark/contracts';
import type { WireEvent } from './counter.ts';
import type { Random } from './random.ts';

export type Malformed = { readonly bytes: Uint8Array; readonly code: RejectCode };

const encoder = new TextEncoder();

/** Each way of breaking an event, by the code it is refused with. */
type Break = (wire: WireEvent, currency: string) => Uint8Array;

const BREAKS: readonly [readonly [RejectCode, Break], ...(readonly [RejectCode, Break])[]] = [
  ['invalid_json', (wire) => encode(wire).subarray(0, -1)],
  ['invalid_utf8', (wire) => withBadByte(encode(wire))],
  ['duplicate_key', (wire) => encoder.encode(JSON.stringify(wire).replace('{', '{"customer_id":"c-000000",'))],
  ['unknown_event_type', (wire) => encode({ ...wire, event_type: 'order_teleported' })],
  ['missing_field', (wire) => encode({ ...wire, customer_id: undefined })],
  ['wrong_type', (wire) => encode({ ...wire, event_id: 17 })],
  ['invalid_identifier', (wire) => encode({ ...wire, customer_id: '' })],
  ['invalid_time', (wire) => encode({ ...wire, occurred_at: '2024-02-30T12:00:00Z' })],
  ['wrong_currency', (wire, currency) => encode({ ...order(wire), currency: currency === 'EUR' ? 'USD' : 'EUR' })],
  ['money_negative', (wire) => encode({ ...order(wire), total_amount: '-1' })],
  [
    'money_too_precise',
    (wire, currency) => encode({ ...order(wire), total_amount: `1.${'0'.repeat(minorDigits(currency))}1` }),
  ],
  ['invalid_money', (wire) => encode({ ...order(wire), total_amount: '12,50' })],
];

/** A record that no contract accepts, made from an event, with the code it must be refused with. */
export function malform(wire: WireEvent, currency: string, random: Random): Malformed {
  const [code, breaks] = random.pick(BREAKS);
  return { bytes: breaks(wire, currency), code };
}

function encode(wire: object): Uint8Array {
  return encoder.encode(JSON.stringify(wire));
}

/** The envelope of `wire` around an order, since not every event has money to break. */
function order(wire: WireEvent): object {
  const { event_id, customer_id, occurred_at } = wire;
  return {
    event_id,
    event_type: 'order_placed',
    customer_id,
    occurred_at,
    order_id: `${event_id}-broken`,
    total_amount: '1',
  };
}

/** 0xFF is in no UTF-8 text. Put in the middle, so that what comes before it looks right. */
function withBadByte(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length >> 1] = 0xff;
  return bytes;
}
