import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@tidemark/infra-local/testing';
import { expect } from 'vitest';
import { z } from 'zod';
import { NOTHING, type Truth } from './truth.ts';

const INGEST = fileURLToPath(new URL('../../../../apps/ingest/dist/main.js', import.meta.url));

const result = z.looseObject({ line: z.int(), ok: z.boolean() });

const PATIENT_MS = 120_000;
const CUSTOMERS = 40;
const BATCH = 5;
const EVERY_MS = 100;

type Sent = { readonly customer: string; readonly line: string };

/**
 * Sends orders through the ingest app, steadily. An order is acknowledged when the app says so; when the app ends, those
 * that it had not answered for are sent again, under their own ids.
 */
export class IngestProducer {
  readonly #env: Readonly<Record<string, string>>;
  readonly #name: string;
  readonly #timer: NodeJS.Timeout;
  #app: ChildProcess;
  #made = 0;
  /** By line of the running app. */
  #waiting = new Map<number, Sent>();
  #lines = 0;
  #acknowledged = 0;
  readonly #truth = new Map<string, Truth>();
  readonly #refused: string[] = [];

  /** `name`: tells its customers and orders from those of other producers. */
  constructor(env: Readonly<Record<string, string>>, name = 'producer') {
    this.#env = env;
    this.#name = name;
    this.#app = this.#open();
    this.#timer = setInterval(() => {
      for (let n = 0; n < BATCH; n++) this.#send(this.#order());
    }, EVERY_MS);
  }

  get truth(): ReadonlyMap<string, Readonly<Truth>> {
    return this.#truth;
  }

  /** Resolves when so many more orders are acknowledged. */
  async acknowledges(more: number): Promise<void> {
    const enough = this.#acknowledged + more;
    await eventually(`${more} more orders are acknowledged`, PATIENT_MS, () =>
      this.#acknowledged >= enough ? true : null,
    );
  }

  /** Ends the app in the middle of its work and starts another. */
  async restart(): Promise<void> {
    const [old, unanswered] = [this.#app, this.#waiting];
    old.kill('SIGTERM');
    await once(old, 'close');
    this.#waiting = new Map();
    this.#app = this.#open();
    for (const sent of unanswered.values()) this.#send(sent);
  }

  /** Resolves when everything it made is acknowledged and the app has ended in order. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#app.stdin?.end();
    if (this.#app.exitCode === null) await once(this.#app, 'close');
    expect([this.#app.exitCode, this.#refused, this.#waiting.size]).toEqual([0, [], 0]);
  }

  /** However far it has come. */
  kill(): void {
    clearInterval(this.#timer);
    this.#app.kill('SIGKILL');
  }

  #open(): ChildProcess {
    const app = spawn(process.execPath, [INGEST, 'send'], {
      env: { PATH: process.env.PATH, ...this.#env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = 0;
    app.stdin.on('error', () => {
      // It ended; what it had not answered for is sent again.
    });
    let rest = '';
    app.stdout.setEncoding('utf8').on('data', (part: string) => {
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#answered(line);
    });
    return app;
  }

  #order(): Sent {
    const number = ++this.#made;
    const customer = `${this.#name}-customer-${number % CUSTOMERS}`;
    const event = {
      event_id: `${this.#name}-event-${number}`,
      event_type: 'order_placed',
      customer_id: customer,
      occurred_at: '2026-01-05T10:00:00Z',
      order_id: `${this.#name}-order-${number}`,
      total_amount: '1.00',
    };
    return { customer, line: `${JSON.stringify(event)}\n` };
  }

  /** To an app that ended, too: it stays unanswered then. */
  #send(sent: Sent): void {
    this.#waiting.set(++this.#lines, sent);
    this.#app.stdin?.write(sent.line);
  }

  #answered(line: string): void {
    const { line: number, ok } = result.parse(JSON.parse(line));
    const sent = this.#waiting.get(number);
    if (sent === undefined) return;
    this.#waiting.delete(number);
    if (!ok) {
      this.#refused.push(line);
      return;
    }
    this.#acknowledged += 1;
    const truth = this.#truth.get(sent.customer) ?? NOTHING;
    const { order_count, total_revenue } = truth;
    this.#truth.set(sent.customer, { ...truth, order_count: order_count + 1, total_revenue: total_revenue + 100n });
  }
}
