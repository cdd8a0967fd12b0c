import { setTimeout as pause } from 'node:timers/promises';

const READERS = 4;
const PACE_MS = 20;

/** Reads customers over HTTP, steadily, from several places at once, and keeps what went wrong. */
export class Readers {
  readonly failures: string[] = [];
  #answered = 0;
  readonly #stop = new AbortController();
  readonly #loops: readonly Promise<void>[];

  constructor(apiUrl: string) {
    this.#loops = Array.from({ length: READERS }, (_, n) => this.#read(apiUrl, n));
  }

  get answered(): number {
    return this.#answered;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #read(apiUrl: string, reader: number): Promise<void> {
    for (let turn = reader; !this.#stop.signal.aborted; turn++) {
      const ids = [`customer-${turn % 40}`, `customer-${(turn + 7) % 40}`];
      const asked =
        turn % 5 === 0
          ? fetch(`${apiUrl}/v1/customers:batchGet`, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({ customer_ids: ids }),
            })
          : fetch(`${apiUrl}/v1/customers/${ids[0]}`);
      try {
        const response = await asked;
        const text = await response.text();
        // A customer is unknown until the first of its orders is folded.
        if (response.status === 200 || (response.status === 404 && text.includes('TIDEMARK_API_UNKNOWN_CUSTOMER'))) {
          this.#answered++;
        } else {
          this.failures.push(`${response.status} ${text}`);
        }
      } catch (error) {
        this.failures.push(String(error instanceof Error ? (error.cause ?? error) : error));
      }
      await pause(PACE_MS);
    }
  }
}
