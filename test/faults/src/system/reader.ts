import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '@tidemark/simulator';
import { askCustomer, type CustomerAnswer } from './answers.ts';

export type Failure = {
  readonly atMs: number;
  readonly tookMs: number;
  readonly status: number | null;
  readonly code: string;
};

export type ReaderOptions = {
  readonly seed: number;
  /** The servers that may be asked now, each in turn. */
  readonly apis: () => readonly string[];
  /** The customers that may be asked about. */
  readonly customers: () => readonly string[];
};

const EVERY_MS = 10;
const FIELDS = ['order_count', 'tickets_total', 'email_opens'] as const;

/**
 * Asks about one customer after the other, each server in turn. Counts that fall from one answer to the next are kept: the
 * writers take nothing back, so an answer that says less than an earlier one was a part that looked like the whole.
 */
export class SteadyReader {
  readonly #options: ReaderOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  readonly #seen = new Map<string, CustomerAnswer>();
  readonly failures: Failure[] = [];
  readonly regressions: string[] = [];
  #answers = 0;
  #slowestMs = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#ended = this.#run();
    this.#ended.catch(() => {});
  }

  /** Answers that were whole. */
  get answers(): number {
    return this.#answers;
  }

  /** Of whole answers, in milliseconds. */
  get slowestMs(): number {
    return this.#slowestMs;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const random = Random.fromSeed(this.#options.seed);
    const { signal } = this.#stopping;
    for (let turn = 0; !signal.aborted; turn++) {
      const customers = this.#options.customers();
      const apis = this.#options.apis();
      const api = apis[turn % Math.max(1, apis.length)];
      if (customers.length > 0 && api !== undefined) await this.#read(api, random.pick(customers));
      await pause(EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #read(api: string, customerId: string): Promise<void> {
    const began = performance.now();
    const asked = await askCustomer(api, customerId);
    const tookMs = Math.round(performance.now() - began);
    if (!asked.ok) {
      // Acknowledged, and not folded yet; once it was answered it has to stay.
      if (asked.status === 404 && !this.#seen.has(customerId)) return;
      // A server that a test takes away may be asked one last time.
      if (asked.status === null && !this.#options.apis().includes(api)) return;
      this.failures.push({ atMs: Date.now(), tookMs, status: asked.status, code: asked.code });
      return;
    }
    this.#answers += 1;
    this.#slowestMs = Math.max(this.#slowestMs, tookMs);
    const before = this.#seen.get(customerId);
    this.#seen.set(customerId, asked.value);
    for (const field of FIELDS) {
      const [was = 0, is] = [before?.metrics[field], asked.value.metrics[field]];
      if (is < was) {
        const [from, to] = [before, asked.value].map(
          (answer) => `${answer?.metrics[field]} in ${JSON.stringify(answer?.provenance)}`,
        );
        this.regressions.push(`${field} of ${customerId} fell from ${from} to ${to}`);
      }
    }
  }
}
