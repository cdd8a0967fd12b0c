import { type Definition, type Delta, emptyDelta, IdWindow } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import type { DeltaKey, DeltaRow } from '@tidemark/views';
import { LRUCache } from 'lru-cache';
import type { FoldStore } from './fold-store.ts';

/** A delta in memory, and what the store knows of it. */
export type HeldDelta = {
  readonly key: DeltaKey;
  /** What it is called in the cache. Made once: to spell and hash it again for every event would cost as much as its fold. */
  readonly name: string;
  delta: Delta;
  /** The store has a row, so its touched marker is there too. */
  stored: boolean;
};

/**
 * The deltas of one partition that are held in memory: those changed since the last flush and those that it is writing,
 * without limit (a flush bounds them), and the ones used last, up to the limit. What is in none of them is in the store as it
 * would be here.
 */
export class DeltaCache {
  readonly #definition: Definition;
  readonly #views: FoldStore;
  readonly #partition: number;
  readonly #dirty = new Map<string, HeldDelta>();
  /** What a flush is writing, or could not: one that changed since is dirty as well. */
  readonly #unwritten = new Map<string, HeldDelta>();
  readonly #clean: LRUCache<string, HeldDelta>;
  /** Epochs that began here, of which nothing was let go yet: who is not held has no delta in them. */
  readonly #whole = new Set<number>();

  constructor(definition: Definition, views: FoldStore, partition: number, limit: number) {
    this.#definition = definition;
    this.#views = views;
    this.#partition = partition;
    this.#clean = new LRUCache({
      max: limit,
      dispose: ({ key }, _, reason) => {
        if (reason === 'evict') this.#whole.delete(key.epoch);
      },
    });
  }

  /**
   * Said before the first record of an epoch is folded here. Until a delta of it has to be let go, none is looked for in the
   * store: what another one wrote there comes from the same records, which are all folded here too.
   */
  begin(epoch: number): void {
    for (const older of [...this.#whole].slice(0, -1)) this.#whole.delete(older);
    this.#whole.add(epoch);
  }

  /** Deltas that changed since the last flush began. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** Deltas of a flush that the store does not have yet. */
  get unwrittenCount(): number {
    return this.#unwritten.size;
  }

  /** Deltas in memory that the store has just so. */
  get cleanCount(): number {
    return this.#clean.size;
  }

  /**
   * Brings the customers' deltas of these epochs into memory, with one read for all that are missing. Answers each customer's
   * in the order of the epochs.
   */
  async load(
    customerIds: Iterable<string>,
    epochs: readonly number[],
  ): Promise<ReadonlyMap<string, readonly HeldDelta[]>> {
    const held = new Map<string, HeldDelta[]>();
    const missing: HeldDelta[] = [];
    for (const customerId of customerIds) {
      const own = epochs.map((epoch) => {
        const name = nameOf(customerId, epoch);
        const known = this.#dirty.get(name) ?? this.#unwritten.get(name) ?? this.#clean.get(name);
        if (known) return known;
        const key = { customerId, epoch, partition: this.#partition };
        const entry = { key, name, delta: emptyDelta(this.#definition), stored: false };
        missing.push(entry);
        return entry;
      });
      held.set(customerId, own);
    }
    const unknown = missing.filter(({ key }) => !this.#whole.has(key.epoch));
    const rows = unknown.length === 0 ? [] : await this.#views.loadDeltas(unknown.map(({ key }) => key));
    const found = new Map(rows.map((row) => [nameOf(row.customerId, row.epoch), row]));
    for (const entry of missing) {
      const row = found.get(entry.name);
      if (row) {
        entry.delta = deltaOf(row);
        entry.stored = true;
      }
      this.#clean.set(entry.name, entry);
    }
    return held;
  }

  markDirty(entry: HeldDelta): void {
    this.#dirty.set(entry.name, entry);
  }

  /**
   * Writes what changed: markers first, then rows, older epochs before newer ones, each acknowledged before the next. A
   * row without its marker could not be found again; a newer row before its older one would show a future without its past.
   * What is folded meanwhile is the next flush's. One at a time.
   */
  async flush(): Promise<void> {
    for (const [name, entry] of this.#dirty) this.#unwritten.set(name, entry);
    this.#dirty.clear();
    const entries = [...this.#unwritten.values()];
    const rows = entries.map(rowOf);
    const fresh = entries.filter(({ stored }) => !stored);
    if (fresh.length > 0) {
      await this.#views.writeTouched(fresh.map(({ key }) => key));
      reached('fold: touched markers written');
    }
    for (const epoch of [...new Set(rows.map((row) => row.epoch))].sort((a, b) => a - b)) {
      await this.#views.writeDeltas(rows.filter((row) => row.epoch === epoch));
      reached('fold: rows written');
    }
    this.#unwritten.clear();
    for (const entry of entries) {
      entry.stored = true;
      this.#clean.set(entry.name, entry);
    }
  }
}

const nameOf = (customerId: string, epoch: number): string => `${epoch} ${customerId}`;

const deltaOf = (row: DeltaRow): Delta => ({
  lastOffset: row.lastOffset,
  ids: IdWindow.decode(row.ids),
  state: [...row.state],
});

/** As it is now: the delta's own state goes on changing in place. */
const rowOf = ({ key, delta }: HeldDelta): DeltaRow => ({
  customerId: key.customerId,
  epoch: key.epoch,
  partition: key.partition,
  lastOffset: delta.lastOffset,
  ids: delta.ids.encode(),
  state: [...delta.state],
});
