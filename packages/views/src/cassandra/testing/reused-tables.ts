import { randomBytes } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import type { ViewStore, Views } from '../../port.ts';
import { COLUMNS } from '../../testing/samples.ts';
import { type TableName, tableName } from '../schema.ts';

/** Definitions that a test may use at the same time; the oldest beyond them is emptied and given to another. */
const LIVE = 6;

const ID = /^[0-9a-f]{1,40}$/;

/** What each call leaves rows in. */
const WRITES: ReadonlyMap<PropertyKey, readonly TableName[]> = new Map<PropertyKey, readonly TableName[]>([
  ['writeBatch', ['batch']],
  ['writeDeltas', ['delta']],
  ['writeTouched', ['touched', 'directory']],
  ['deleteDeltas', ['delta', 'touched', 'directory']],
  ['writePosition', ['position']],
  ['writeCandidates', ['candidate']],
  ['writeDeadLetters', ['processing_errors', 'error_index', 'directory']],
]);

/**
 * Gives the many definitions of a test suite the tables of a few: to make eight tables takes a node seconds, to empty those
 * that were written to a moment. Ids are the suite's own, behind which the definitions of this pool stand.
 */
export class ReusedTables {
  readonly #client: Client;
  readonly #keyspace: string;
  /** By the suite's id, the oldest first. */
  readonly #live = new Map<string, { readonly own: string; readonly emptied: Promise<void> }>();
  readonly #free: string[] = [];
  readonly #dirty = new Map<string, Set<TableName>>();

  constructor(client: Client, keyspace: string) {
    this.#client = client;
    this.#keyspace = keyspace;
  }

  store(real: ViewStore): ViewStore {
    return {
      serving: () => real.serving(),
      compareAndSetServing: (expected, next) => real.compareAndSetServing(expected, next),
      open: async ({ id, columns }) => {
        const own = columns === COLUMNS && ID.test(id) ? await this.#take(id) : this.#own(id);
        return this.#recorded(own, await real.open({ id: own, columns }));
      },
      find: (id) => real.find(this.#own(id)),
      definitions: async () => {
        const names = new Map([...this.#live].map(([id, { own }]) => [own, id]));
        const all = (await real.definitions()).filter((own) => !this.#free.includes(own));
        return all.map((own) => names.get(own) ?? own);
      },
      drop: async (id) => {
        await real.drop(this.#own(id));
        this.#live.delete(id);
      },
      close: () => real.close(),
    };
  }

  #own(id: string): string {
    return this.#live.get(id)?.own ?? id;
  }

  async #take(id: string): Promise<string> {
    let taken = this.#live.get(id);
    if (taken === undefined) {
      const [oldest] = this.#live;
      if (oldest !== undefined && this.#live.size >= LIVE) {
        this.#live.delete(oldest[0]);
        this.#free.push(oldest[1].own);
      }
      const own = this.#free.shift() ?? randomBytes(8).toString('hex');
      taken = { own, emptied: this.#empty(own) };
      this.#live.set(id, taken);
    }
    await taken.emptied;
    return taken.own;
  }

  async #empty(own: string): Promise<void> {
    const dirty = [...(this.#dirty.get(own) ?? [])];
    this.#dirty.delete(own);
    await Promise.all(dirty.map((name) => this.#client.execute(`TRUNCATE ${this.#keyspace}.${tableName(name, own)}`)));
    if (this.#dirty.has(own)) throw new Error('A definition was written to while it was emptied.');
    const pointer = `DELETE FROM ${this.#keyspace}.live_pointer WHERE definition = '${own}' IF EXISTS`;
    await this.#client.execute(pointer);
  }

  #recorded(own: string, views: Views): Views {
    return new Proxy(views, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const written = WRITES.get(name);
        if (written !== undefined) {
          const dirty = this.#dirty.get(own) ?? new Set();
          this.#dirty.set(own, dirty);
          for (const table of written) dirty.add(table);
        }
        return member.bind(target);
      },
    });
  }
}
