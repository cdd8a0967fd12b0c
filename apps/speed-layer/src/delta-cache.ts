import { type Definition, type Delta, emptyDelta, IdWindow } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import type { DeltaKey, DeltaRow } from '@tidemark/views';
import { LRUCache } from 'lru-cache';
import type { FoldStore } from './fold-store.ts';

/** A delta in memory, and what the store knows of it. */
export type HeldDelta = DeltaKey & {
  readonly delta: Delta;
  /** The store has a row, so its touched marker is there too. */
  stored: boolean;
};

/**
 * The deltas of one partition that are held in memory: those changed since the last flush, without limit (a flush bounds
 * them), and the ones used last, up to the limit. What is in neither is in the store as it would be here.
 */
export class DeltaCache {
  readonly #definition: Definition;
  readonly #views: FoldStore;
  readonly #partition: number;
  readonly #dirty = new Map<string, HeldDelta>();
  readonly #clean: LRUCache<string, HeldDelta>;

  constructor(definition: Definition, views: FoldStore, partition: number, limit: number) {
    this.#definition = definition;
    this.#views = views;
    this.#partition = partition;
    this.#clean = new LRUCache({ max: limit });
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** Deltas in memory that the store has just so. */
  get cleanCount(): number {
    return this.#clean.size;
  }

  /** Brings the customers' deltas of these epochs into memory, with one read for all that are missing. */
  async load(customerIds: Iterable<string>, epochs: readonly number[]): Promise<ReadonlyMap<string, HeldDelta>> {
    const held = new Map<string, HeldDelta>();
    const missing: DeltaKey[] = [];
    for (const customerId of customerIds) {
      for (const epoch of epochs) {
        const key = cacheKey(customerId, epoch);
        const known = this.#dirty.get(key) ?? this.#clean.get(key);
        if (known) held.set(key, known);
        else missing.push({ customerId, epoch, partition: this.#partition });
      }
    }
    if (missing.length === 0) return held;
    const rows = await this.#views.loadDeltas(missing);
    const found = new Map(rows.map((row) => [cacheKey(row.customerId, row.epoch), row]));
    for (const key of missing) {
      const name = cacheKey(key.customerId, key.epoch);
      const row = found.get(name);
      const entry: HeldDelta = {
        ...key,
        delta: row ? deltaOf(row) : emptyDelta(this.#definition),
        stored: row !== undefined,
      };
      held.set(name, entry);
      this.#clean.set(name, entry);
    }
    return held;
  }

  markDirty(entry: HeldDelta): void {
    this.#dirty.set(cacheKey(entry.customerId, entry.epoch), entry);
  }

  /**
   * Writes what changed: markers first, then rows, older epochs before newer ones, each acknowledged before the next. A
   * row without its marker could not be found again; a newer row before its older one would show a future without its past.
   */
  async flush(): Promise<number> {
    const entries = [...this.#dirty.values()];
    if (entries.length === 0) return 0;
    const fresh = entries.filter(({ stored }) => !stored);
    if (fresh.length > 0) {
      await this.#views.writeTouched(fresh.map(keyOf));
      reached('fold: touched markers written');
    }
    for (const epoch of [...new Set(entries.map((entry) => entry.epoch))].sort((a, b) => a - b)) {
      await this.#views.writeDeltas(entries.filter((entry) => entry.epoch === epoch).map(rowOf));
      reached('fold: rows written');
    }
    for (const entry of entries) {
      const name = cacheKey(entry.customerId, entry.epoch);
      entry.stored = true;
      this.#dirty.delete(name);
      this.#clean.set(name, entry);
    }
    return entries.length;
  }
}

/** How a delta is named within its partition. */
export const cacheKey = (customerId: string, epoch: number): string => `${epoch} ${customerId}`;

const keyOf = ({ customerId, epoch, partition }: HeldDelta): DeltaKey => ({ customerId, epoch, partition });

const deltaOf = (row: DeltaRow): Delta => ({
  lastOffset: row.lastOffset,
  ids: IdWindow.decode(row.ids),
  state: [...row.state],
});

const rowOf = (entry: HeldDelta): DeltaRow => ({
  ...keyOf(entry),
  lastOffset: entry.delta.lastOffset,
  ids: entry.delta.ids.encode(),
  state: entry.delta.state,
});
