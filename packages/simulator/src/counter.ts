import { formatMoney, formatTime, minorDigits } from '@tidemark/contracts';
import type { Random } from './random.ts';
import type { OpenOrder, OpenTicket, ShopState } from './state.ts';

/** An event as it is sent: JSON, snake_case, times as RFC 3339. */
export type WireEvent = {
  readonly event_id: string;
  readonly event_type: string;
  readonly customer_id: string;
  readonly occurred_at: string;
  readonly [field: string]: unknown;
};

/** Most open orders and tickets a shop remembers; beyond that a random one is forgotten, and simply stays as it is. */
const MAX_OPEN_ORDERS = 2000;
const MAX_OPEN_TICKETS = 1000;

/** Share of amounts sent as a JSON number: both forms are money. */
const NUMBER_SHARE = 0.1;
const LARGE_REFUND_MAJOR = 200;

const CATEGORIES = ['delivery', 'billing', 'returns', 'product', 'account'] as const;
const PRIORITIES = ['low', 'low', 'medium', 'medium', 'medium', 'high', 'high', 'urgent'] as const;
const CAMPAIGNS = ['spring-sale', 'summer-sale', 'autumn-sale', 'winter-sale', 'newsletter', 'win-back'] as const;
const SEGMENTS = ['new', 'regular', 'vip', 'business', null] as const;
const COUNTRIES = ['NL', 'DE', 'FR', 'GB', 'US', 'JP', null] as const;
const ENGAGEMENTS = ['email_open', 'email_open', 'email_click', 'campaign_view', 'campaign_view'] as const;

/** Where the shop's events are made, from its state alone; every event changes the state it speaks of. */
export class Counter {
  private readonly state: ShopState;
  private readonly random: Random;
  private readonly minorPerMajor: number;

  constructor(state: ShopState, random: Random) {
    this.state = state;
    this.random = random;
    this.minorPerMajor = 10 ** minorDigits(state.options.currency);
  }

  /** Whatever happens next, at `atMs`. What it takes back is a row that an earlier event made. */
  next(atMs: number): WireEvent {
    const share = this.random.unit();
    if (share < 0.06) return this.changeOrder(atMs);
    if (share < 0.1) return this.cancelOrder(atMs);
    if (share < 0.14) return this.refund(atMs);
    if (share < 0.22) return this.resolveTicket(atMs);
    return this.fresh(atMs);
  }

  /** Something that stands for itself, so that it makes sense at any time, late as well. */
  fresh(atMs: number): WireEvent {
    const share = this.random.unit();
    if (share < 0.45) return this.placeOrder(atMs);
    if (share < 0.57) return this.openTicket(atMs);
    if (share < 0.65) return this.profile(atMs);
    return this.engagement(atMs);
  }

  /** Something that leaves no trace in the shop: nothing later takes it back. */
  engagement(atMs: number): WireEvent {
    const type = this.random.pick(ENGAGEMENTS);
    const campaign = { campaign_id: this.random.pick(CAMPAIGNS) };
    const fields = this.random.chance(0.5) ? campaign : { ...campaign, event_date: formatTime(atMs) };
    return this.event(type, this.anyCustomer(), atMs, fields);
  }

  private placeOrder(atMs: number): WireEvent {
    const order: OpenOrder = {
      id: this.number('o'),
      customerId: this.anyCustomer(),
      dateMs: atMs,
      minor: this.amount(),
      status: this.random.pick(['completed', 'completed', 'completed', 'pending', 'shipped']),
    };
    const isCancelled = this.random.chance(0.01);
    if (!isCancelled) this.remember(this.state.orders, order, MAX_OPEN_ORDERS);
    return this.event('order_placed', order.customerId, atMs, {
      order_id: order.id,
      order_date: formatTime(atMs),
      total_amount: this.money(order.minor),
      status: isCancelled ? 'Cancelled' : order.status,
      currency: this.state.options.currency,
    });
  }

  private changeOrder(atMs: number): WireEvent {
    const order = this.take(this.state.orders);
    if (order === null) return this.placeOrder(atMs);
    const after = this.random.chance(0.5)
      ? { ...order, minor: this.amount() }
      : { ...order, status: this.random.pick(['shipped', 'completed', 'delivered', 'cancelled']) };
    if (after.status !== 'cancelled') this.remember(this.state.orders, after, MAX_OPEN_ORDERS);
    return this.event('order_changed', order.customerId, atMs, {
      order_id: order.id,
      before: this.body(order),
      after: this.body(after),
    });
  }

  private cancelOrder(atMs: number): WireEvent {
    const order = this.take(this.state.orders);
    if (order === null) return this.placeOrder(atMs);
    return this.event('order_cancelled', order.customerId, atMs, {
      order_id: order.id,
      order_date: formatTime(order.dateMs),
      total_amount: this.money(order.minor),
    });
  }

  private refund(atMs: number): WireEvent {
    const order = this.take(this.state.orders);
    if (order === null) return this.placeOrder(atMs);
    const minor = this.random.chance(0.5) ? order.minor : this.random.between(0, order.minor);
    const isLarge = minor >= LARGE_REFUND_MAJOR * this.minorPerMajor;
    return this.event(isLarge ? 'large_refund' : 'refund_issued', order.customerId, atMs, {
      refund_id: this.number('r'),
      order_id: order.id,
      amount: this.money(minor),
    });
  }

  private openTicket(atMs: number): WireEvent {
    // Trouble comes in series: a third of the tickets are of customers who have one open, which puts some at risk.
    const { tickets } = this.state;
    const other = this.random.chance(0.35) ? tickets[tickets.length - 1 - this.random.between(0, 9)] : undefined;
    const ticket: OpenTicket = {
      id: this.number('t'),
      customerId: other?.customerId ?? this.anyCustomer(),
      dateMs: atMs,
      category: this.random.pick(CATEGORIES),
      priority: this.random.pick(PRIORITIES),
    };
    this.remember(tickets, ticket, MAX_OPEN_TICKETS);
    return this.event('support_ticket_created', ticket.customerId, atMs, this.ticketBody(ticket));
  }

  private resolveTicket(atMs: number): WireEvent {
    const ticket = this.take(this.state.tickets);
    if (ticket === null) return this.openTicket(atMs);
    return this.event('support_ticket_resolved', ticket.customerId, atMs, {
      ...this.ticketBody(ticket),
      resolved_date: formatTime(atMs),
    });
  }

  private profile(atMs: number): WireEvent {
    const fields: Record<string, unknown> = {};
    if (this.random.chance(0.7)) fields.segment = this.random.pick(SEGMENTS);
    if (this.random.chance(0.6)) fields.country = this.random.pick(COUNTRIES);
    if (this.random.chance(0.4)) fields.birth_year = this.random.chance(0.1) ? null : this.random.between(1935, 2007);
    return this.event('customer_profile_updated', this.anyCustomer(), atMs, fields);
  }

  private event(type: string, customerId: string, atMs: number, fields: Readonly<Record<string, unknown>>): WireEvent {
    return {
      event_id: this.number('e'),
      event_type: type,
      customer_id: customerId,
      occurred_at: formatTime(atMs),
      ...fields,
    };
  }

  private body(order: OpenOrder): Readonly<Record<string, unknown>> {
    return { order_date: formatTime(order.dateMs), total_amount: this.money(order.minor), status: order.status };
  }

  private ticketBody(ticket: OpenTicket): Readonly<Record<string, unknown>> {
    return {
      ticket_id: ticket.id,
      category: ticket.category,
      priority: ticket.priority,
      created_date: formatTime(ticket.dateMs),
    };
  }

  /** The cube makes the first customers the busiest: one in a hundred has a fifth of all events. */
  private anyCustomer(): string {
    const share = this.random.unit();
    const index = Math.floor(this.state.options.customers * share * share * share);
    return `c-${String(index).padStart(6, '0')}`;
  }

  /** Most amounts are small, a few are large: 1 to 1,500 in major units. */
  private amount(): number {
    const share = this.random.unit();
    return (
      Math.floor((1 + 1499 * share * share * share * share) * this.minorPerMajor) +
      this.random.between(0, this.minorPerMajor - 1)
    );
  }

  private money(minor: number): string | number {
    const text = formatMoney(BigInt(minor), this.state.options.currency);
    return this.random.chance(NUMBER_SHARE) ? Number(text) : text;
  }

  private number(prefix: string): string {
    return `${prefix}-${String(this.state.made++).padStart(9, '0')}`;
  }

  private remember<Open>(open: Open[], one: Open, most: number): void {
    if (open.length >= most) this.take(open);
    open.push(one);
  }

  /** Takes a random one out; the last one takes its place, so that this costs the same however many there are. */
  private take<Open>(open: Open[]): Open | null {
    const last = open.pop();
    if (last === undefined) return null;
    const index = this.random.between(0, open.length);
    const taken = open[index];
    if (taken === undefined) return last;
    open[index] = last;
    return taken;
  }
}
