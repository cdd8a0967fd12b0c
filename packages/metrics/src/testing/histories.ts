import type { OrderBody, Priority, TidemarkEvent } from '@tidemark/contracts';
import type { HistoryRecord } from '@tidemark/oracle';
import fc from 'fast-check';
import type { History } from './history.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The barrier's hour, in the middle of which the barrier falls. */
const BARRIER_HOUR_MS = Date.UTC(2025, 5, 15, 12);
export const INT64_MAX = 9_223_372_036_854_775_807n;

/** Hour boundaries at exactly 31 and 32 days (the window's edge, at `as_of` now and a day ago), 1 and 2 days, and far off. */
const TIMES = [
  ...[1, 2, 31, 32].flatMap((days) => [
    BARRIER_HOUR_MS - days * DAY_MS - 1,
    BARRIER_HOUR_MS - days * DAY_MS,
    BARRIER_HOUR_MS - days * DAY_MS + HOUR_MS - 1,
    BARRIER_HOUR_MS - days * DAY_MS + HOUR_MS,
  ]),
  0,
  Date.UTC(2999, 11, 31, 23, 59, 59, 999),
  BARRIER_HOUR_MS,
  BARRIER_HOUR_MS + 1,
  BARRIER_HOUR_MS + 40 * DAY_MS,
];

const AMOUNTS = [0n, 1n, 99n, 10_050n, 2n ** 62n, INT64_MAX - 1n, INT64_MAX];
const STATUSES = ['completed', 'pending', 'cancelled', 'Cancelled', 'CANCELLED', 'cancelled '];
/** U+FFFD comes before U+1F600 by code point and UTF-8, after it by UTF-16 unit. */
const TEXTS = ['gold', "o'clock", '\uFFFD', '\u{1F600}', '__proto__', 'é', 'null'];
const PRIORITIES: readonly Priority[] = ['low', 'medium', 'high', 'urgent'];

const operation = fc.record({
  about: fc.constantFrom('order', 'order', 'order', 'cancel', 'refund', 'ticket', 'resolve', 'engagement', 'profile'),
  key: fc.constantFrom('k1', 'k2', '\uFFFDk'),
  time: fc.constantFrom(...TIMES),
  time2: fc.constantFrom(...TIMES),
  amount: fc.constantFrom(...AMOUNTS),
  status: fc.constantFrom(...STATUSES),
  text: fc.constantFrom(...TEXTS),
  priority: fc.constantFrom(...PRIORITIES),
  kind: fc.constantFrom('email_open' as const, 'email_click' as const, 'campaign_view' as const),
  segment: fc.option(fc.option(fc.constantFrom(...TEXTS)), { nil: undefined }),
  birthYear: fc.option(fc.option(fc.constantFrom(1800, 1970, 2999)), { nil: undefined }),
  idStyle: fc.constantFrom('\uFFFD', '\u{1F600}', 'e'),
  /** The event follows from what stands; a dishonest one contradicts it. */
  honest: fc.constantFrom(true, true, true, true, true, true, true, false),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const step = fc.record({
  operation,
  /** How many records it is late. */
  late: fc.constantFrom(0, 0, 0, 0, 1, 2, 4),
  partition: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1),
  /** The record is followed by a repeat of the one this many before it. */
  repeats: fc.constantFrom(null, null, null, null, null, 0, 1, 5),
  /** Barriers after the record: how much the number rises, and in which partitions (an orphan has only one). */
  barrier: fc.constantFrom(
    null,
    null,
    null,
    null,
    { rise: 1, in: [0, 1] },
    { rise: 3, in: [0, 1] },
    { rise: 1, in: [1] },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Histories of one customer, coherent for the most part, with everything in them that can go wrong. */
export const histories: fc.Arbitrary<History> = fc
  .record({
    imports: fc.array(fc.record({ operation, number: fc.constantFrom(1, 2, 5) }), { maxLength: 5 }),
    steps: fc.array(step, { maxLength: 14 }),
    cutAt: fc.nat(5),
    asOf: fc.constantFrom(-DAY_MS, 0, 30 * 60_000, 40 * DAY_MS),
  })
  .map(({ imports, steps, cutAt, asOf }) => {
    const shop = new Shop();
    const imported = [...imports]
      .sort((a, b) => a.number - b.number)
      .map(
        ({ operation: op, number }, row): HistoryRecord => ({ source: 'import', number, row, event: shop.next(op) }),
      );
    const { logged, barriers } = arrange(
      shop,
      steps,
      imported.map(({ event }) => event),
    );
    // Generation 0 has nothing of the log: what an answer is before the first run.
    const numbers = [0, ...new Set([...barriers.values()].flat())].sort((a, b) => a - b);
    const barrierAtMs = BARRIER_HOUR_MS + 30 * 60_000;
    return {
      records: [...imported, ...logged],
      barriers,
      generation: numbers[cutAt % numbers.length] ?? 0,
      barrierAtMs,
      asOfMs: barrierAtMs + asOf,
    };
  });

type Arrival = Step & { readonly event: TidemarkEvent };

/** Puts events into partitions and epochs: late ones later, repeats (of imported events too) after them, barriers between. */
function arrange(
  shop: Shop,
  steps: readonly Step[],
  imported: readonly TidemarkEvent[],
): { logged: HistoryRecord[]; barriers: Map<number, number[]> } {
  const arrivals = steps
    .map((one, index) => ({ ...one, event: shop.next(one.operation), at: index + one.late * 1.5 }))
    .sort((a, b) => a.at - b.at);
  const barriers = new Map<number, number[]>([
    [0, []],
    [1, []],
  ]);
  const logged: HistoryRecord[] = [];
  let offset = 0n;
  let number = 0;
  const append = (partition: number, event: TidemarkEvent) => {
    const epoch = barriers.get(partition)?.at(-1) ?? 0;
    logged.push({ source: 'log', partition, epoch, offset: offset++, event });
  };
  arrivals.forEach((arrival: Arrival, index) => {
    append(arrival.partition, arrival.event);
    if (arrival.barrier) {
      number += arrival.barrier.rise;
      for (const partition of arrival.barrier.in) barriers.get(partition)?.push(number);
      offset++;
    }
    if (arrival.repeats === null) return;
    const repeated = arrivals[index - arrival.repeats];
    const event = repeated?.event ?? imported.at(index - arrival.repeats);
    const partition = repeated?.partition ?? 0;
    if (event) append(arrival.operation.honest ? partition : 1 - partition, event);
  });
  return { logged, barriers };
}

type Ticket = { readonly category: string; readonly priority: Priority; readonly created_date: number };

/** Makes events that follow from one another, or contradict one another when told to. */
class Shop {
  readonly #orders = new Map<string, OrderBody>();
  readonly #tickets = new Map<string, Ticket & { readonly open: boolean }>();
  #events = 0;
  #lastId = '';

  next(op: Operation): TidemarkEvent {
    // Now and then another event comes under an id that is taken: a repeat with other content.
    const taken = !op.honest && op.about === 'profile' && this.#lastId !== '';
    const event_id = taken ? this.#lastId : `${op.idStyle}${this.#events++}`;
    this.#lastId = event_id;
    const envelope = { event_id, customer_id: 'c', occurred_at: op.time2 };
    switch (op.about) {
      case 'order':
      case 'cancel':
        return { ...envelope, ...this.#order(op) };
      case 'ticket':
      case 'resolve':
        return { ...envelope, ...this.#ticket(op) };
      case 'refund':
        return {
          ...envelope,
          event_type: 'refund_issued',
          refund_id: this.#refundId(op),
          order_id: op.key,
          amount: op.amount,
        };
      case 'engagement':
        return { ...envelope, event_type: op.kind, campaign_id: op.text, event_date: op.time };
      default:
        return {
          ...envelope,
          event_type: 'customer_profile_updated',
          ...(op.segment === undefined ? {} : { segment: op.segment }),
          ...(op.birthYear === undefined ? {} : { birth_year: op.birthYear }),
          ...(op.key === 'k1' ? { country: op.text } : {}),
        };
    }
  }

  #refundId(op: Operation): string {
    return op.honest ? `refund-${this.#events}` : op.key;
  }

  #order(op: Operation) {
    const held = this.#orders.get(op.key);
    const body: OrderBody = { order_date: op.time, total_amount: op.amount, status: op.status };
    const cancels = op.about === 'cancel' && (!op.honest || (held !== undefined && !/^cancelled$/i.test(held.status)));
    if (cancels) {
      const { order_date, total_amount } = op.honest && held ? held : body;
      this.#orders.set(op.key, { order_date, total_amount, status: 'cancelled' });
      return { event_type: 'order_cancelled' as const, order_id: op.key, order_date, total_amount };
    }
    this.#orders.set(op.key, body);
    // A dishonest order is placed twice, or changed from something else.
    if (op.honest ? held === undefined : op.priority === 'low') {
      return { event_type: 'order_placed' as const, order_id: op.key, ...body };
    }
    const other: OrderBody = { ...body, order_date: op.time2 };
    const after = op.priority === 'urgent' && held ? { ...held, status: 'completed' } : body;
    this.#orders.set(op.key, after);
    return { event_type: 'order_changed' as const, order_id: op.key, before: op.honest && held ? held : other, after };
  }

  #ticket(op: Operation) {
    const held = this.#tickets.get(op.key);
    const made: Ticket = { category: op.text, priority: op.priority, created_date: op.time };
    const resolves = op.about === 'resolve' && (!op.honest || held?.open === true);
    if (resolves) {
      const { category, priority, created_date } = op.honest && held ? held : made;
      this.#tickets.set(op.key, { category, priority, created_date, open: false });
      return {
        event_type: 'support_ticket_resolved' as const,
        ticket_id: op.key,
        category,
        priority,
        created_date,
        resolved_date: op.time2,
      };
    }
    const key = op.honest && held ? `${op.key}-${this.#events}` : op.key;
    this.#tickets.set(key, { ...made, open: true });
    return { event_type: 'support_ticket_created' as const, ticket_id: key, ...made };
  }
}
