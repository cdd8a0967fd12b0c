import type { Random } from '@tidemark/simulator';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

type Order = { customer: string; id: string; date: string; amount: string; status: string; readonly first: string };
type Ticket = { customer: string; id: string; category: string; priority: string; created: string; resolved: boolean };

/**
 * Wire events of a small world in which everything meets: few customers and keys, so that repeats, changes, cancels and
 * late placements hit each other, well-behaved or not.
 */
export class RandomEvents {
  readonly #random: Random;
  readonly #customers: readonly string[];
  readonly #orders: Order[] = [];
  readonly #tickets: Ticket[] = [];
  readonly #sent: { customer: string; bytes: Uint8Array }[] = [];
  readonly #wavers: boolean;
  #next = 1;

  /**
   * `wavers`: nearly all events change an order, each second time back to what it was. Then a generation may hold what the one
   * before it held, with another in between: only where that one's rows are not read can it be gone back from.
   */
  constructor(random: Random, customers: readonly string[], { wavers = false } = {}) {
    this.#random = random;
    this.#customers = customers;
    this.#wavers = wavers;
  }

  /** One record: an event, a repeat of an earlier one to the byte, or bytes that are no event. */
  next(nowMs: number): { customer: string; bytes: Uint8Array } {
    const random = this.#random;
    if (this.#sent.length > 0 && random.chance(0.15)) return random.pick(this.#sent.slice(-30));
    const customer = random.pick(this.#customers);
    const record = random.chance(0.04)
      ? { customer, bytes: random.pick(MALFORMED) }
      : this.#record(customer, this.#event(customer, nowMs));
    this.#sent.push(record);
    return record;
  }

  #record(customer: string, fields: Record<string, unknown>): { customer: string; bytes: Uint8Array } {
    return { customer, bytes: new TextEncoder().encode(JSON.stringify(fields)) };
  }

  #event(customer: string, nowMs: number): Record<string, unknown> {
    const random = this.#random;
    // Late by up to five weeks now and then, so that windows and orders in time are crossed.
    const lateMs = random.chance(0.2)
      ? random.between(0, 35) * DAY_MS + random.between(0, 24) * HOUR_MS
      : random.between(0, 60_000);
    const at = new Date(nowMs - lateMs).toISOString();
    const envelope = { event_id: `e-${this.#next++}`, customer_id: customer, occurred_at: at };
    if (this.#wavers && random.chance(0.9)) {
      const order = this.#orders.find((each) => each.customer === customer);
      return { ...envelope, ...(order ? this.#wavered(order) : this.#placed(customer, at)) };
    }
    const kind = random.between(0, 99);
    if (kind < 25) return { ...envelope, ...this.#placed(customer, at) };
    if (kind < 45) return { ...envelope, ...this.#orderAgain(customer, at) };
    if (kind < 52) {
      const amount = this.#amount();
      return {
        ...envelope,
        event_type: 'refund_issued',
        refund_id: `r-${random.between(1, 12)}`,
        order_id: 'o-1',
        amount,
      };
    }
    if (kind < 64) return { ...envelope, ...this.#ticketCreated(customer, at) };
    if (kind < 74) return { ...envelope, ...this.#ticketResolved(customer, at) };
    if (kind < 90) {
      const event_type = random.pick(['email_open', 'email_click', 'campaign_view']);
      return { ...envelope, event_type, campaign_id: `k-${random.between(1, 4)}`, event_date: at };
    }
    return {
      ...envelope,
      event_type: 'customer_profile_updated',
      ...(random.chance(0.6) ? { segment: random.pick(['gold', 'silver', null]) } : {}),
      ...(random.chance(0.5) ? { birth_year: random.pick([1970, 1985, null]) } : {}),
    };
  }

  #placed(customer: string, at: string): Record<string, unknown> {
    const id = `o-${this.#random.between(1, 40)}`;
    const amount = this.#amount();
    const order: Order = {
      customer,
      id,
      date: at,
      amount,
      first: amount,
      status: this.#random.chance(0.1) ? 'Cancelled' : 'completed',
    };
    this.#orders.push(order);
    return {
      event_type: 'order_placed',
      order_id: order.id,
      order_date: at,
      total_amount: order.amount,
      status: order.status,
    };
  }

  /** A change or a cancel: mostly of an order as it stands, sometimes of one that nobody placed. */
  #orderAgain(customer: string, at: string): Record<string, unknown> {
    const random = this.#random;
    const mine = this.#orders.filter((order) => order.customer === customer);
    const known = mine.length > 0 && random.chance(0.85) ? random.pick(mine.slice(-5)) : null;
    const order: Omit<Order, 'first'> = known ?? {
      customer,
      id: `o-${random.between(1, 60)}`,
      date: at,
      amount: this.#amount(),
      status: 'completed',
    };
    if (random.chance(0.5)) {
      return { event_type: 'order_cancelled', order_id: order.id, order_date: order.date, total_amount: order.amount };
    }
    const before = contentOf(order);
    if (known) {
      known.amount = random.chance(0.5) ? this.#amount() : known.amount;
      known.status = random.chance(0.2) ? 'cancelled' : 'completed';
    }
    return { event_type: 'order_changed', order_id: order.id, before, after: contentOf(order) };
  }

  /** To another amount, or back to the one that it was placed with. */
  #wavered(order: Order): Record<string, unknown> {
    const before = contentOf(order);
    order.amount = order.amount === order.first ? this.#amount() : order.first;
    return { event_type: 'order_changed', order_id: order.id, before, after: contentOf(order) };
  }

  #ticketCreated(customer: string, at: string): Record<string, unknown> {
    const ticket: Ticket = {
      customer,
      id: `t-${this.#random.between(1, 30)}`,
      category: this.#random.pick(['billing', 'shipping', '__proto__']),
      priority: this.#random.pick(['low', 'medium', 'high', 'urgent']),
      created: at,
      resolved: false,
    };
    this.#tickets.push(ticket);
    const { id, category, priority, created } = ticket;
    return { event_type: 'support_ticket_created', ticket_id: id, category, priority, created_date: created };
  }

  #ticketResolved(customer: string, at: string): Record<string, unknown> {
    const open = this.#tickets.filter((ticket) => ticket.customer === customer && !ticket.resolved);
    const ticket = open.length > 0 && this.#random.chance(0.9) ? this.#random.pick(open) : null;
    if (!ticket) return this.#ticketCreated(customer, at);
    ticket.resolved = true;
    const { id, category, priority, created } = ticket;
    return {
      event_type: 'support_ticket_resolved',
      ticket_id: id,
      category,
      priority,
      created_date: created,
      resolved_date: at,
    };
  }

  #amount(): string {
    return `${this.#random.between(0, 500)}.${String(this.#random.between(0, 99)).padStart(2, '0')}`;
  }
}

const contentOf = ({ date, amount, status }: Omit<Order, 'first'>) => ({
  order_date: date,
  total_amount: amount,
  status,
});

const MALFORMED: readonly Uint8Array[] = [
  'not json',
  '{}',
  '{"event_type":"order_placed"}',
  '{"event_id":"x","event_type":"email_open"',
].map((text) => new TextEncoder().encode(text));
