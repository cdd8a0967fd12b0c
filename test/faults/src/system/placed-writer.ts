import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { Random } from '@tidemark/simulator';

/** An event of which it is known where it stands in the log. */
export type Placed = {
  readonly customerId: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly kind: 'order' | 'large order' | 'ticket' | 'urgent ticket' | 'mail opened';
};

const PATIENT_MS = 120_000;
const EVERY_MS = 50;
const EVENTS_AT_ONCE = 5;
const CUSTOMERS = 40;
const MOMENT_MS = Date.UTC(2026, 0, 5);

const BODIES: Readonly<Record<Placed['kind'], (number: number) => object>> = {
  order: (number) => ({ event_type: 'order_placed', order_id: `o-${number}`, total_amount: '499.99' }),
  'large order': (number) => ({ event_type: 'order_placed', order_id: `o-${number}`, total_amount: '500.00' }),
  ticket: (number) => ticket(number, 'low'),
  'urgent ticket': (number) => ticket(number, 'urgent'),
  'mail opened': (number) => ({ event_type: 'email_open', campaign_id: `campaign-${number % 5}` }),
};

const ticket = (number: number, priority: string) => ({
  event_type: 'support_ticket_created',
  ticket_id: `t-${number}`,
  category: 'billing',
  priority,
});

/** Appends events at a steady pace, and knows the place of each. */
export class PlacedWriter {
  readonly placed: Placed[] = [];
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  constructor(logUrl: string, seed: number) {
    this.#ended = this.#run(logUrl, Random.fromSeed(seed));
    this.#ended.catch(() => {});
  }

  /** Resolves when so many more events are in the log. */
  async places(more: number): Promise<void> {
    const enough = this.placed.length + more;
    await eventually(`${more} more events are in the log`, PATIENT_MS, () =>
      this.placed.length >= enough ? true : null,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(logUrl: string, random: Random): Promise<void> {
    const log = await openLog(logUrl);
    const { signal } = this.#stopping;
    try {
      for (let number = 0; !signal.aborted; ) {
        const events = Array.from({ length: EVENTS_AT_ONCE }, () => {
          const kind = random.pick<Placed['kind']>(['order', 'large order', 'ticket', 'urgent ticket', 'mail opened']);
          const customerId = `c-${random.between(1, CUSTOMERS)}`;
          const event = {
            event_id: `e-${number}`,
            customer_id: customerId,
            occurred_at: new Date(MOMENT_MS + number * 1_000).toISOString(),
            ...BODIES[kind](number++),
          };
          return { customerId, kind, key: Buffer.from(customerId), value: Buffer.from(JSON.stringify(event)) };
        });
        const places = await log.append(events);
        events.forEach(({ customerId, kind }, nth) => {
          const place = places[nth];
          if (place) this.placed.push({ customerId, kind, ...place });
        });
        await pause(EVERY_MS, undefined, { signal }).catch(() => {});
      }
    } finally {
      await log.close();
    }
  }
}
