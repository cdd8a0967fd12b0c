import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TidemarkEvent } from './event.ts';
import { formatMoney } from './money.ts';
import { parse } from './parse.ts';
import { isRejectCode } from './reject.ts';
import { formatTime } from './time.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 2000 };
const USD = { currency: 'USD' };

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((value) => !/\p{Cc}/u.test(value) && Buffer.byteLength(value) <= 256);
const time = fc.integer({ min: 0, max: Date.UTC(3000, 0, 1) - 1 });
const minor = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const envelope = { event_id: text, customer_id: text, occurred_at: time };
const order = { order_date: time, total_amount: minor, status: text };
const ticket = {
  ticket_id: text,
  category: text,
  priority: fc.constantFrom('low' as const, 'medium' as const, 'high' as const, 'urgent' as const),
  created_date: time,
};

/** A record with the prototype that a literal has: strict equality compares it too. */
function record<Shape>(model: { [K in keyof Shape]: fc.Arbitrary<Shape[K]> }) {
  return fc.record<Shape>(model).map((value) => ({ ...value }));
}

function family<const Type extends string, Rest>(type: Type, rest: { [K in keyof Rest]: fc.Arbitrary<Rest[K]> }) {
  return fc.tuple(record(envelope), record<Rest>(rest)).map(([head, tail]) => ({ event_type: type, ...head, ...tail }));
}

/** Every event there is, parsed; what is sent is derived from it, the other way than `parse` goes. */
const anyEvent: fc.Arbitrary<TidemarkEvent> = fc.oneof(
  family('order_placed', { order_id: text, ...order }),
  family('order_changed', { order_id: text, before: record(order), after: record(order) }),
  family('order_cancelled', { order_id: text, order_date: time, total_amount: minor }),
  family('refund_issued', { refund_id: text, order_id: text, amount: minor }),
  family('support_ticket_created', ticket),
  family('support_ticket_resolved', { ...ticket, resolved_date: time }),
  family('email_open', { campaign_id: text, event_date: time }),
  family('email_click', { campaign_id: text, event_date: time }),
  family('campaign_view', { campaign_id: text, event_date: time }),
  fc.record(
    {
      event_type: fc.constant('customer_profile_updated' as const),
      ...envelope,
      segment: fc.option(text),
      country: fc.option(text),
      birth_year: fc.option(fc.integer({ min: 1800, max: 2999 })),
    },
    { requiredKeys: ['event_type', 'event_id', 'customer_id', 'occurred_at'], noNullPrototype: true },
  ),
);

const TIME_FIELD = /^(occurred_at|(order|created|resolved|event)_date)$/;

function wireOf(event: object): string {
  return JSON.stringify(event, (key, value) => {
    if (typeof value === 'bigint') return formatMoney(value, 'USD');
    return TIME_FIELD.test(key) && Number.isInteger(value) && Math.abs(value) < Date.UTC(3000, 0)
      ? formatTime(value)
      : value;
  });
}

/** Never throws, always decides, and always the same. */
function decides(bytes: Uint8Array): void {
  const result = parse(bytes, USD);
  if (!result.ok) {
    expect(isRejectCode(result.code)).toBe(true);
    expect(result.reason).not.toBe('');
    expect(result.reason.length).toBeLessThan(300);
  }
  expect(parse(bytes, USD)).toStrictEqual(result);
}

describe(`parse (seed ${seed})`, () => {
  test('gives back every event that was sent', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(parse(Buffer.from(wireOf(event)), USD)).toStrictEqual({ ok: true, event, unknownFields: [] });
      }),
      runs,
    );
  });

  test('does not mind the order of the keys, nor fields it does not know', () => {
    fc.assert(
      fc.property(anyEvent, fc.jsonValue({ maxDepth: 3 }), (event, extra) => {
        const reversed = Object.fromEntries(Object.entries({ ...event, 'x-extra': extra }).reverse());
        const result = parse(Buffer.from(wireOf(reversed)), USD);
        expect(result).toStrictEqual({ ok: true, event, unknownFields: ['x-extra'] });
      }),
      runs,
    );
  });

  test('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), decides), runs);
  });

  test('survives any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => decides(Buffer.from(json))),
      runs,
    );
  });

  test('survives events with bytes changed, cut out and put in', () => {
    const cut = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 4 }));
    fc.assert(
      fc.property(anyEvent, fc.array(cut, { minLength: 1, maxLength: 4 }), (event, cuts) => {
        let bytes = Buffer.from(wireOf(event));
        for (const [position, length, put] of cuts) {
          const at = position % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]);
        }
        decides(bytes);
      }),
      runs,
    );
  });

  test('survives events with a field of any value in place of their own', () => {
    const nasty = fc.constantFrom(
      ...[
        '__proto__',
        'constructor',
        '\ud800',
        '',
        '2024-02-30T00:00:00Z',
        '-0',
        '1e5',
        'Infinity',
        null,
        -1,
        2 ** 53 + 2,
      ],
      ...[1e308, 0.1 + 0.2, [], {}, [[]], true, { toString: 1, valueOf: null, length: -1 }],
    );
    fc.assert(
      fc.property(anyEvent, fc.nat(), fc.oneof(nasty, fc.jsonValue()), (event, position, value) => {
        const keys = Object.keys(event);
        const key = keys[position % keys.length] ?? '';
        decides(Buffer.from(wireOf(event).replace('{', `{"x":0,${JSON.stringify(key)}:${JSON.stringify(value)},"y":`)));
        decides(Buffer.from(wireOf({ ...event, [key]: value })));
      }),
      runs,
    );
  });

  test('refuses a key named twice, wherever, and however it is written', () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), (event, position) => {
        const keys = Object.keys(event);
        const key = keys[position % keys.length] ?? '';
        const escaped = [...key].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
        expect(parse(Buffer.from(wireOf(event).replace('{', `{"${escaped}":1,`)), USD)).toMatchObject({
          code: 'duplicate_key',
        });
      }),
      runs,
    );
  });
});

test('a bad record leaves nothing behind for the next one', () => {
  const good = Buffer.from(
    '{"event_id":"e","event_type":"email_open","customer_id":"c","occurred_at":"2024-01-01T00:00:00Z","campaign_id":"s"}',
  );
  const first = parse(good, USD);
  expect(first.ok).toBe(true);
  for (const bad of ['\ud83d', '{"a":"', '[[[[', '{"__proto__":{"event_type":"email_open"}}']) {
    expect(parse(Buffer.concat([Buffer.from(bad), Buffer.from([0xf0, 0x9f])]), USD).ok).toBe(false);
    expect(parse(Buffer.from(bad), USD).ok).toBe(false);
    expect(parse(good, USD)).toStrictEqual(first);
  }
  expect(Object.keys(Object.prototype)).toStrictEqual([]);
});

/** CPU time of deciding a record, in milliseconds: the least of a few, so that nobody else's work is counted. */
function cost(record: string): number {
  const bytes = Buffer.from(record);
  const tries = Array.from({ length: 4 }, () => {
    const before = process.cpuUsage();
    decides(bytes);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...tries);
}

test.each<[string, (size: number) => string]>([
  ['many keys', (size) => `{${Array.from({ length: size / 12 }, (_, i) => `"k${i}":1`).join()}}`],
  ['many long numbers', (size) => `{"amount":  ${' '.repeat(size / 3)}[${'0.12345678901234567,'.repeat(size / 30)}1]}`],
  ['one long number', (size) => `{"amount":${'9'.repeat(size)}}`],
  ['a long amount', (size) => `{"event_type":"refund_issued","amount":"${'9'.repeat(size)}"}`],
  ['many zeros', (size) => `{"amount":1${'0'.repeat(size)}}`],
  ['a string of backslashes', (size) => `{"a":"${'\\\\'.repeat(size / 2)}"}`],
  ['white space', (size) => `{"amount"${' '.repeat(size)}:1}`],
])('takes time linear in the record: %s', (_, record) => {
  // Eight times as long takes some eight times as long, and 64 times where anything is quadratic.
  expect(cost(record(1_000_000))).toBeLessThan(24 * Math.max(1, cost(record(125_000))));
});

test('a currency nobody knows is the caller’s mistake', () => {
  expect(() => parse(new Uint8Array(), { currency: 'usd' })).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_CURRENCY_UNKNOWN' }),
  );
});
