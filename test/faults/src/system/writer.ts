import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@tidemark/infra-local/testing';
import { type Append, LogError } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { Random } from '@tidemark/simulator';
import { NOTHING, type Truth } from './truth.ts';

export type WriterOptions = {
  readonly logUrl: string;
  readonly seed: number;
  /** Events a second. */
  readonly rate?: number | undefined;
  /** How many customers it writes of, at most. */
  readonly customers?: number | undefined;
  /** Told apart from the customers of writers before it. */
  readonly name: string;
};

type Made = { readonly customerId: string; readonly append: Append; readonly count: (truth: Truth) => void };

/** For what a test waits for: a server may be on its way up again. */
const PATIENT_MS = 180_000;
const RATE = 120;
const EVERY_MS = 50;
const CUSTOMERS = 60;
const MOMENT_MS = Date.UTC(2026, 0, 5);

/**
 * Appends events at a steady pace, and again, under the same ids, what was not acknowledged: it may or may not have been
 * written. What it counts is what the answers have to come to. Nothing it writes makes a customer's counts fall.
 */
export class SteadyWriter {
  readonly #options: WriterOptions;
  readonly #random: Random;
  readonly #truth = new Map<string, Truth>();
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #sequence = 0;
  #acknowledged = 0;
  /** Appends that failed and were made again. */
  #repeats = 0;
  #longestMs = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#random = Random.fromSeed(options.seed);
    this.#ended = this.#run();
    // Whoever stops it hears of a failure.
    this.#ended.catch(() => {});
  }

  get truth(): ReadonlyMap<string, Readonly<Truth>> {
    return this.#truth;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get repeats(): number {
    return this.#repeats;
  }

  /** How long an event waited for its acknowledgement at most, in milliseconds. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Resolves when so many more events are acknowledged. */
  async acknowledges(more: number): Promise<void> {
    const enough = this.#acknowledged + more;
    await eventually(`${more} more events are acknowledged`, PATIENT_MS, () =>
      this.#acknowledged >= enough ? true : null,
    );
  }

  /** Resolves when everything it made is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { logUrl, rate = RATE } = this.#options;
    const log = await openLog(logUrl);
    const { signal } = this.#stopping;
    const began = performance.now();
    try {
      while (!signal.aborted) {
        // Not more than it would have made in a second, however long the last append took.
        const due = Math.floor(((performance.now() - began) / 1_000) * rate) - this.#sequence;
        const events = Array.from({ length: Math.max(0, Math.min(due, rate)) }, () => this.#make());
        this.#sequence += Math.max(0, due - events.length);
        if (events.length > 0) await this.#append(log, events);
        await pause(EVERY_MS, undefined, { signal }).catch(() => {});
      }
    } finally {
      await log.close();
    }
  }

  async #append(log: Awaited<ReturnType<typeof openLog>>, events: readonly Made[]): Promise<void> {
    const began = performance.now();
    for (;;) {
      try {
        await log.append(events.map(({ append }) => append));
        break;
      } catch (error) {
        if (!(error instanceof LogError && error.retryable)) throw error;
        this.#repeats += 1;
      }
    }
    this.#longestMs = Math.max(this.#longestMs, performance.now() - began);
    this.#acknowledged += events.length;
    for (const { customerId, count } of events) {
      const truth = { ...(this.#truth.get(customerId) ?? NOTHING) };
      count(truth);
      this.#truth.set(customerId, truth);
    }
  }

  #make(): Made {
    const random = this.#random;
    const number = this.#sequence++;
    const customerId = `${this.#options.name}-${random.between(1, this.#options.customers ?? CUSTOMERS)}`;
    const cents = random.between(100, 99_999);
    const [type, body, count] = random.pick<readonly [string, object, (truth: Truth) => void]>([
      [
        'order_placed',
        { order_id: `order-${number}`, total_amount: (cents / 100).toFixed(2) },
        (truth) => {
          truth.order_count += 1;
          truth.total_revenue += BigInt(cents);
        },
      ],
      [
        'support_ticket_created',
        { ticket_id: `ticket-${number}`, category: 'billing', priority: 'low' },
        (truth) => {
          truth.tickets_total += 1;
        },
      ],
      [
        'email_open',
        { campaign_id: `campaign-${number % 5}` },
        (truth) => {
          truth.email_opens += 1;
        },
      ],
    ]);
    const event = {
      event_id: `${this.#options.name}-${number}`,
      event_type: type,
      customer_id: customerId,
      occurred_at: new Date(MOMENT_MS + number * 1_000).toISOString(),
      ...body,
    };
    const append = { key: Buffer.from(customerId), value: Buffer.from(JSON.stringify(event)) };
    return { customerId, append, count };
  }
}
