import { CUSTOMERS, type World } from './world.ts';

type Envelope = { readonly event_id: string; readonly [field: string]: unknown };
type Order = { readonly id: string; readonly amount: string };

/**
 * A shop whose events never contradict each other: nothing is placed or cancelled twice, what is taken back was held, and
 * the earliest and latest of everything stay. Records are sent again at once, as producers do that lost an answer.
 */
export class CleanShop {
  readonly #world: World;
  readonly #orders = new Map<string, Order[]>();
  #next = 1;

  constructor(world: World) {
    this.#world = world;
  }

  /** Orders around all others, for each customer: what is cancelled later is never the first or the last. */
  async open(): Promise<void> {
    for (const customer of CUSTOMERS) {
      for (const [id, order_date] of [
        ['o-first', '2020-01-01T00:00:00Z'],
        ['o-last-of-all', '2026-06-01T00:00:00Z'],
      ]) {
        await this.#send(customer, { ...this.placed(customer, String(id), '5.00'), order_date });
      }
      await this.#send(customer, this.#ticket(customer));
    }
  }

  /** What happens in a day: every kind of event, in an order that makes sense. */
  async day(): Promise<void> {
    const { random, clock } = this.#world;
    for (let left = random.between(5, 15); left > 0; left--) {
      clock.advance(random.between(0, 5_000));
      const customer = random.pick(CUSTOMERS);
      await this.#send(customer, this.#event(customer));
      if (random.chance(0.3)) await this.#world.workers.step();
    }
  }

  placed(customer: string, id: string, amount: string): Envelope {
    return this.#of(customer, { event_type: 'order_placed', ...order(id, amount) });
  }

  changed(customer: string, id: string, before: string, after: string): Envelope {
    const change = { before: order(id, before), after: order(id, after) };
    return this.#of(customer, { event_type: 'order_changed', order_id: id, ...change });
  }

  cancelled(customer: string, id: string, amount: string): Envelope {
    return this.#of(customer, { event_type: 'order_cancelled', ...order(id, amount), status: undefined });
  }

  async import(events: readonly Envelope[]): Promise<void> {
    await this.#world.import(events.map((event) => new TextEncoder().encode(JSON.stringify(event))));
  }

  #event(customer: string): Envelope {
    const { random } = this.#world;
    const orders = this.#orders.get(customer) ?? [];
    this.#orders.set(customer, orders);
    const kind = random.unit();
    const amount = `${random.between(1, 90)}.00`;
    const held = orders[0];
    if (kind < 0.4 || !held) {
      const id = `o-${this.#next}`;
      orders.push({ id, amount });
      return this.placed(customer, id, amount);
    }
    if (kind < 0.55) {
      orders.splice(0, 1, { ...held, amount });
      return this.changed(customer, held.id, held.amount, amount);
    }
    if (kind < 0.65) {
      orders.shift();
      return this.cancelled(customer, held.id, held.amount);
    }
    if (kind < 0.8) return this.#ticket(customer);
    if (kind < 0.9) return this.#of(customer, { event_type: 'customer_profile_updated', segment: `s-${this.#next}` });
    return this.#of(customer, { event_type: 'campaign_view', campaign_id: 'k-1', event_date: '2026-04-01T00:00:00Z' });
  }

  #ticket(customer: string): Envelope {
    const ticket = { ticket_id: `t-${this.#next}`, category: 'billing', priority: 'high' };
    return this.#of(customer, {
      event_type: 'support_ticket_created',
      ...ticket,
      created_date: '2026-04-20T00:00:00Z',
    });
  }

  #of(customer: string, body: Record<string, unknown>): Envelope {
    const at = new Date(this.#world.clock.now()).toISOString();
    return { event_id: `clean-${this.#next++}`, customer_id: customer, occurred_at: at, ...body };
  }

  async #send(customer: string, event: Envelope): Promise<void> {
    await this.#world.send(customer, event);
    if (this.#world.random.chance(0.15)) await this.#world.send(customer, event);
  }
}

const order = (order_id: string, total_amount: string) => ({
  order_id,
  order_date: '2026-02-01T00:00:00Z',
  total_amount,
  status: 'completed',
});
