import { createHash } from 'node:crypto';
import { parse, type TidemarkEvent } from '@tidemark/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LiveItem } from './live.ts';
import { createShop, resumeShop, type Shop } from './shop.ts';
import { DEFAULT_RATES, type ShopOptions } from './state.ts';

const DAY_MS = 86_400_000;
const startMs = Date.UTC(2024, 0, 1);
const endMs = Date.UTC(2025, 0, 1);
const options: ShopOptions = { seed: 7, currency: 'USD', customers: 5000, historyEvents: 20_000, startMs, endMs };

function accepted(bytes: Uint8Array, currency = 'USD'): TidemarkEvent {
  const result = parse(bytes, { currency });
  if (!result.ok) throw new Error(`${result.code} ${result.reason}: ${Buffer.from(bytes).toString()}`);
  expect(result.unknownFields).toStrictEqual([]);
  return result.event;
}

function live(shop: Shop, count: number, from = 0): LiveItem[] {
  return Array.from({ length: count }, (_, i) => shop.live(endMs + (from + i) * 50));
}

function historyOf(shop: Shop): string[] {
  return [...shop.history()].map((item) => item.text);
}

function identity(bytes: Uint8Array): string {
  const { customer_id, event_id } = accepted(bytes);
  return `${customer_id}/${event_id}`;
}

describe('a history', () => {
  const texts = historyOf(createShop(options));
  const events = texts.map((text) => accepted(Buffer.from(text)));

  test('has as many events as were asked for, in the order of their times, each once', () => {
    expect(events).toHaveLength(20_000);
    expect(events.every((event, i) => event.occurred_at >= (events[i - 1]?.occurred_at ?? startMs))).toBe(true);
    expect(events.at(-1)?.occurred_at).toBeLessThan(endMs);
    expect(endMs - (events.at(-1)?.occurred_at ?? 0)).toBeLessThan(DAY_MS);
    expect(new Set(events.map((event) => `${event.customer_id}/${event.event_id}`)).size).toBe(20_000);
  });

  test('has every type of event', () => {
    const types = new Set(events.map((event) => event.event_type));
    expect([...types].sort()).toStrictEqual([
      ...['campaign_view', 'customer_profile_updated', 'email_click', 'email_open', 'order_cancelled', 'order_changed'],
      ...['order_placed', 'refund_issued', 'support_ticket_created', 'support_ticket_resolved'],
    ]);
    expect(texts.some((text) => text.includes('"large_refund"'))).toBe(true);
    expect(texts.some((text) => /"total_amount":\d/.test(text))).toBe(true);
  });

  test('takes back only rows as they stand', () => {
    const rows = new Map<string, string>();
    const row = (value: object) =>
      JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? `${field}` : field));
    for (const event of events) {
      if (event.event_type === 'order_placed') {
        const { order_date, total_amount, status } = event;
        expect(order_date).toBe(event.occurred_at);
        rows.set(event.order_id, row({ order_date, total_amount, status, customer: event.customer_id }));
      } else if (event.event_type === 'order_changed') {
        expect(row({ ...event.before, customer: event.customer_id })).toBe(rows.get(event.order_id));
        rows.set(event.order_id, row({ ...event.after, customer: event.customer_id }));
      } else if (event.event_type === 'order_cancelled') {
        const stands = JSON.parse(rows.get(event.order_id) ?? 'null');
        expect(stands).toMatchObject({
          order_date: event.order_date,
          total_amount: `${event.total_amount}`,
          customer: event.customer_id,
        });
        rows.delete(event.order_id);
      } else if (event.event_type === 'support_ticket_created') {
        const { ticket_id, category, priority, created_date, customer_id } = event;
        expect(created_date).toBe(event.occurred_at);
        rows.set(ticket_id, row({ category, priority, created_date, customer_id }));
      } else if (event.event_type === 'support_ticket_resolved') {
        const { ticket_id, category, priority, created_date, customer_id } = event;
        expect(row({ category, priority, created_date, customer_id })).toBe(rows.get(ticket_id));
        rows.delete(ticket_id);
      } else if (event.event_type === 'refund_issued') {
        expect(JSON.parse(rows.get(event.order_id) ?? 'null')).toMatchObject({ customer: event.customer_id });
      }
    }
  });

  test('has a few very active customers, many quiet ones, and some at risk', () => {
    const counts = new Map<string, number>();
    for (const event of events) counts.set(event.customer_id, (counts.get(event.customer_id) ?? 0) + 1);
    const busiest = [...counts.values()].sort((a, b) => b - a);
    const top = busiest.slice(0, 50).reduce((a, b) => a + b, 0);
    expect(top / events.length).toBeGreaterThan(0.1);
    expect(busiest.filter((count) => count <= 2).length).toBeGreaterThan(1000);

    const tickets = new Map<string, number>();
    for (const event of events) {
      if (event.event_type !== 'support_ticket_created' || event.created_date < endMs - 30 * DAY_MS) continue;
      tickets.set(event.customer_id, (tickets.get(event.customer_id) ?? 0) + 1);
    }
    const atRisk = [...tickets.values()].filter((count) => count >= 3).length;
    expect(atRisk).toBeGreaterThan(5);
    expect(atRisk).toBeLessThan(100);
  });

  test('is what it always was for its seed', () => {
    const hash = createHash('sha256');
    for (const text of texts) hash.update(text).update('\n');
    const shop = createShop({ ...options, historyEvents: 500 });
    historyOf(shop);
    for (const item of live(shop, 5000)) hash.update(item.kind).update(item.bytes).update('\n');
    expect(hash.digest('hex')).toBe('a650c5730260c46dfec90d2179ff9c4cd96873e808ea6fff205edc200bfcb1de');
  });

  test('is another one for another seed', () => {
    expect(historyOf(createShop({ ...options, seed: 8, historyEvents: 10 }))).not.toStrictEqual(texts.slice(0, 10));
  });

  test('is as long as asked', () => {
    expect(historyOf(createShop({ ...options, historyEvents: 100_000 }))).toHaveLength(100_000);
  });
});

describe('a live stream', () => {
  const shop = createShop({ ...options, historyEvents: 2000 });
  const history = [...shop.history()];
  const items = live(shop, 30_000);

  test('is accepted and refused as it says', () => {
    const codes = new Set<string>();
    for (const item of items) {
      const result = parse(item.bytes, { currency: 'USD' });
      if (item.kind === 'malformed') {
        expect(result).toMatchObject({ ok: false, code: item.code });
        codes.add(item.code);
      } else {
        expect(result).toMatchObject({ ok: true, event: { customer_id: item.customerId }, unknownFields: [] });
      }
    }
    expect(codes.size).toBe(12);
  });

  test('mixes in each kind at its rate', () => {
    const share = (kind: LiveItem['kind']) => items.filter((item) => item.kind === kind).length / items.length;
    expect(share('late')).toBeCloseTo(DEFAULT_RATES.late, 2);
    expect(share('repeat')).toBeCloseTo(DEFAULT_RATES.repeated, 2);
    expect(share('malformed')).toBeCloseTo(DEFAULT_RATES.malformed, 2);
    const onTime = items.filter((item) => item.kind === 'event');
    const overtaken = onTime.filter((item) => item.kind === 'event' && item.overtaken).length;
    expect(overtaken / onTime.length).toBeCloseTo(DEFAULT_RATES.outOfOrder, 2);
  });

  test('repeats the same bytes, soon or much later, and nothing else twice', () => {
    const firsts = new Map(
      history.map((item, i) => [identity(Buffer.from(item.text)), { i: i - history.length, text: item.text }]),
    );
    const ages: number[] = [];
    items.forEach((item, i) => {
      if (item.kind === 'malformed') return;
      const text = Buffer.from(item.bytes).toString();
      const first = firsts.get(identity(item.bytes));
      expect(first !== undefined).toBe(item.kind === 'repeat');
      if (first === undefined) firsts.set(identity(item.bytes), { i, text });
      else {
        expect(text).toBe(first.text);
        ages.push(i - first.i);
      }
    });
    expect(ages.filter((age) => age <= 110).length).toBeGreaterThan(300);
    expect(ages.filter((age) => age > 1000).length).toBeGreaterThan(30);
  });

  test('is late by hours to days, and overtaken by a few', () => {
    let newest = 0;
    let [overtaken, behind] = [0, 0];
    items.forEach((item, i) => {
      if (item.kind === 'malformed' || item.kind === 'repeat') return;
      const { occurred_at } = accepted(item.bytes);
      const now = endMs + i * 50;
      if (item.kind === 'late') {
        expect(now - occurred_at).toBeGreaterThanOrEqual(DAY_MS / 24);
        expect(now - occurred_at).toBeLessThanOrEqual(4 * DAY_MS);
      } else {
        if (item.overtaken) overtaken++;
        else expect(occurred_at).toBeGreaterThanOrEqual(newest);
        if (occurred_at < newest) behind++;
        expect(now - occurred_at).toBeLessThanOrEqual(40 * 50);
        newest = Math.max(newest, occurred_at);
      }
    });
    // One that is overtaken only by what happened in the same millisecond is not behind.
    expect(behind).toBeLessThanOrEqual(overtaken);
    expect(behind / overtaken).toBeGreaterThan(0.9);
  });

  test('has no time before one it had, whatever the clock says', () => {
    const calm = createShop({
      ...options,
      historyEvents: 0,
      rates: { late: 0, repeated: 0, malformed: 0, outOfOrder: 0 },
    });
    const times = [endMs, endMs - DAY_MS, endMs + 1].map((now) => accepted(calm.live(now).bytes).occurred_at);
    expect(times).toStrictEqual([endMs, endMs, endMs + 1]);
  });
});

test('a shop taken up again goes on as if it had never stopped', () => {
  const seed = Number(process.env.TIDEMARK_SEED ?? 1);
  fc.assert(
    fc.property(
      fc.integer(),
      fc.nat(300),
      fc.nat(300),
      fc.constantFrom('USD', 'JPY', 'BHD', 'EUR'),
      (shopSeed, stop, more, currency) => {
        const given = { ...options, seed: shopSeed, currency, historyEvents: 150 };
        const play = (shop: Shop, from: number, to: number): string[] => {
          const rest = shop.history();
          return Array.from({ length: to - from }, (_, i) => {
            const next = rest.next();
            if (!next.done) return next.value.text;
            const item = shop.live(endMs + from + i);
            expect(parse(item.bytes, { currency }).ok).toBe(item.kind !== 'malformed');
            return item.kind + Buffer.from(item.bytes).toString('latin1');
          });
        };
        const whole = play(createShop(given), 0, stop + more);
        const first = createShop(given);
        const before = play(first, 0, stop);
        const saved = JSON.stringify(first.state());
        // What the first one does after it was saved must not reach what was saved.
        play(first, stop, stop + 5);
        expect([...before, ...play(resumeShop(JSON.parse(saved)), stop, stop + more)]).toStrictEqual(whole);
      },
    ),
    { seed, numRuns: 60 },
  );
});

test('a state stays small however long the shop has run', () => {
  const shop = createShop({ ...options, historyEvents: 60_000, rates: { outOfOrder: 0.5 } });
  historyOf(shop);
  live(shop, 20_000);
  const state = shop.state();
  expect(JSON.stringify(state).length).toBeLessThan(600_000);
  expect(state.orders.length).toBe(2000);
  expect(state.tickets.length).toBeLessThanOrEqual(1000);
});

test.each([
  ['nothing', null],
  ['another version', { ...createShop(options).state(), version: 2 }],
  ['a field too many', { ...createShop(options).state(), x: 1 }],
])('%s is no state to go on from', (_, state) => {
  expect(() => resumeShop(state)).toThrow(expect.objectContaining({ code: 'TIDEMARK_SHOP_STATE' }));
});

test.each([
  ['rates above 1 together', { rates: { late: 0.6, repeated: 0.6 } }],
  ['a rate below 0', { rates: { late: -0.1 } }],
  ['an end before its start', { endMs: startMs - 1 }],
  ['no customers', { customers: 0 }],
])('a shop with %s does not open', (_, wrong) => {
  expect(() => createShop({ ...options, ...wrong })).toThrow(expect.objectContaining({ code: 'TIDEMARK_SHOP_STATE' }));
});

test('a shop without a known currency does not open', () => {
  expect(() => createShop({ ...options, currency: 'XXZ' })).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_CURRENCY_UNKNOWN' }),
  );
});
