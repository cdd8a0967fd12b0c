import { z } from 'zod';
import { AppProcess } from './app-process.ts';

const result = z.looseObject({ line: z.int(), ok: z.boolean() });

const CUSTOMERS = 40;
const BATCH = 5;
const EVERY_MS = 100;

type Sent = { readonly customer: string; readonly line: string };

/**
 * Sends orders through the ingest app, steadily. An order is acknowledged when the app says so; when the app ends, those
 * that it had not answered for are sent again, under their own ids.
 */
export class Producer {
  readonly #env: Readonly<Record<string, string>>;
  #process: AppProcess | null = null;
  #timer: NodeJS.Timeout | undefined;
  #made = 0;
  /** By line of the running process. */
  #waiting = new Map<number, Sent>();
  /** Made while no process was there to take them. */
  #unsent: Sent[] = [];
  #lines = 0;
  readonly #acknowledged = new Map<string, number>();
  readonly refused: string[] = [];

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Orders acknowledged, by customer. */
  get acknowledged(): ReadonlyMap<string, number> {
    return this.#acknowledged;
  }

  get acknowledgedCount(): number {
    return [...this.#acknowledged.values()].reduce((sum, count) => sum + count, 0);
  }

  get waitingCount(): number {
    return this.#waiting.size + this.#unsent.length;
  }

  async start(): Promise<void> {
    await this.#open();
    this.#timer = setInterval(() => {
      for (let n = 0; n < BATCH; n++) this.#write(this.#order());
    }, EVERY_MS);
  }

  /** Ends the app in the middle of its work and starts another. */
  async restart(signal: NodeJS.Signals): Promise<void> {
    const old = this.#process;
    this.#process = null;
    await old?.end(signal);
    this.#unsent.unshift(...this.#waiting.values());
    this.#waiting = new Map();
    await this.#open();
  }

  /** No new orders; those under way are still waited for. */
  pause(): void {
    clearInterval(this.#timer);
  }

  /** Resolves to the app's exit code when it has read to the end of its input. */
  async end(): Promise<number | null> {
    this.pause();
    this.#process?.stdin.end();
    return (await this.#process?.ended()) ?? null;
  }

  /** However far it has come. */
  async kill(): Promise<void> {
    this.pause();
    await this.#process?.end('SIGKILL');
  }

  async #open(): Promise<void> {
    this.#lines = 0;
    const opened = await AppProcess.start({ app: 'ingest', args: ['send'], env: this.#env, isReady: () => true });
    opened.stdin.on('error', () => {
      // It ended; what it had not answered for is sent again.
    });
    opened.onLine((line) => this.#answered(line));
    this.#process = opened;
    for (const sent of this.#unsent.splice(0)) this.#write(sent);
  }

  #order(): Sent {
    const number = ++this.#made;
    const customer = `customer-${number % CUSTOMERS}`;
    const event = {
      event_id: `event-${number}`,
      event_type: 'order_placed',
      customer_id: customer,
      occurred_at: '2026-01-05T10:00:00Z',
      order_id: `order-${number}`,
      total_amount: '1.00',
    };
    return { customer, line: `${JSON.stringify(event)}\n` };
  }

  #write(sent: Sent): void {
    if (this.#process === null) {
      this.#unsent.push(sent);
      return;
    }
    this.#waiting.set(++this.#lines, sent);
    this.#process.stdin.write(sent.line);
  }

  #answered(line: string): void {
    const { line: number, ok } = result.parse(JSON.parse(line));
    const sent = this.#waiting.get(number);
    if (sent === undefined) return;
    this.#waiting.delete(number);
    if (ok) this.#acknowledged.set(sent.customer, (this.#acknowledged.get(sent.customer) ?? 0) + 1);
    else this.refused.push(line);
  }
}
