import type { EmbeddedPostgres } from '@tidemark/embedded-postgres';
import type { Pool } from '@tidemark/postgres';
import { cpuMsOfServer } from '../cpu-time.ts';
import { childrenStartedWith } from '../peak-memory.ts';

/** What something costs, for one event, customer or read. */
export type Cost = readonly [what: string, value: number, unit: string];

/** What PostgreSQL spends on a piece of work. */
export class Meter {
  readonly #server: EmbeddedPostgres;
  readonly #pool: Pool;
  readonly #costs: Cost[];

  /** Adds what it finds to the costs. */
  constructor(server: EmbeddedPostgres, pool: Pool, costs: Cost[]) {
    this.#server = server;
    this.#pool = pool;
    this.#costs = costs;
  }

  async of<T>(things: number, what: string, work: () => Promise<T>): Promise<T> {
    const [cpu, wal] = [this.#cpuMs(), await this.#wal()];
    const done = await work();
    this.#costs.push([`${what}: CPU of PostgreSQL`, ((this.#cpuMs() - cpu) / things) * 1000, 'µs']);
    this.#costs.push([`${what}: written ahead by PostgreSQL`, ((await this.#wal()) - wal) / things, 'bytes']);
    return done;
  }

  #cpuMs(): number {
    return cpuMsOfServer(this.#server.pid, childrenStartedWith('', this.#server.pid));
  }

  async #wal(): Promise<number> {
    const { rows } = await this.#pool.query<{ bytes: string }>(
      "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS bytes",
    );
    return Number(rows[0]?.bytes);
  }
}
