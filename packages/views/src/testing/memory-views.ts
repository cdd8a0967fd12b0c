import { compareUtf8 } from '@tidemark/contracts';
import type { Column, ColumnValue } from '@tidemark/metrics';
import { byRank } from '../by-rank.ts';
import {
  checkBatchRow,
  checkCandidateList,
  checkDeadLetter,
  checkDefinition,
  checkDeltaKey,
  checkDeltaRow,
  checkLimit,
  checkPointer,
  checkPosition,
  checkSameColumns,
  checkServing,
} from '../checked-row.ts';
import { storableText } from '../checked-value.ts';
import { ViewsError } from '../error.ts';
import { inSlice, newest } from '../lineage.ts';
import type {
  BatchRow,
  Candidate,
  CustomerRows,
  DeadLetter,
  DeltaKey,
  DeltaRow,
  DeltaSlice,
  Lineage,
  LivePointer,
  Position,
  ScanPage,
  Serving,
  StoredState,
  ViewStore,
  Views,
} from '../port.ts';

const TOUCHED_PAGE = 1000;

/**
 * Views in memory, for simulations that run many histories: the promises of the port, without a server. Each call is one
 * atomic step; several parts of a simulation share one store, or each `open` of one. Closing leaves the rows.
 */
export function openMemoryViews(): ViewStore {
  const opened = new Map<string, { readonly columns: readonly Column[]; readonly views: MemoryViews }>();
  let serving: Serving | null = null;
  return {
    serving: async () => serving,
    compareAndSetServing: async (expected, next) => {
      checkServing(next);
      if (canonical(serving) !== canonical(expected)) return false;
      serving = { ...next };
      return true;
    },
    open: async (definition) => {
      checkDefinition(definition);
      const { id, columns } = definition;
      const there = opened.get(id);
      if (there !== undefined) {
        checkSameColumns(id, there.columns, columns);
        return there.views;
      }
      const views = new MemoryViews(columns);
      opened.set(id, { columns, views });
      return views;
    },
    find: async (id) => opened.get(id)?.views ?? null,
    definitions: async () => [...opened.keys()].toSorted(),
    drop: async (id) => {
      opened.get(id)?.views.drop();
      opened.delete(id);
    },
    close: async () => undefined,
  };
}

class MemoryViews implements Views {
  readonly #columns: readonly Column[];
  readonly #batch = new Map<string, Map<number, BatchRow>>();
  readonly #deltas = new Map<string, Map<string, DeltaRow>>();
  readonly #touched = new Map<string, DeltaKey>();
  readonly #positions = new Map<number, Position>();
  readonly #candidates = new Map<number, Map<string, readonly Candidate[]>>();
  readonly #deadLetters = new Map<string, DeadLetter>();
  #pointer: LivePointer | null = null;
  #dropped = false;

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  drop(): void {
    this.#dropped = true;
  }

  async pointer(): Promise<LivePointer | null> {
    this.#assertThere();
    return this.#pointer;
  }

  async compareAndSetPointer(expected: LivePointer | null, next: LivePointer): Promise<boolean> {
    this.#assertThere();
    checkPointer(next);
    if (canonical(this.#pointer) !== canonical(expected)) return false;
    this.#pointer = structuredClone(next);
    return true;
  }

  async read(
    customerIds: readonly string[],
    lineage: Lineage | null,
    slice: DeltaSlice,
  ): Promise<readonly CustomerRows[]> {
    this.#assertThere();
    return customerIds.map((customerId) => {
      const versions = this.#batch.get(customerId) ?? new Map<number, BatchRow>();
      const taken = newest(versions.keys(), lineage);
      const batch = taken === null ? undefined : versions.get(taken);
      const deltas = [...(this.#deltas.get(customerId)?.values() ?? [])]
        .filter(({ epoch, partition }) => inSlice(epoch, partition, slice))
        .toSorted((a, b) => a.epoch - b.epoch || a.partition - b.partition);
      return { customerId, batch: batch === undefined ? null : copyBatch(batch), deltas: deltas.map(copyDelta) };
    });
  }

  async scan(
    lineage: Lineage | null,
    slice: DeltaSlice,
    { after, limit }: { readonly after: string | null; readonly limit: number },
  ): Promise<ScanPage> {
    checkLimit(limit);
    const ids = new Set([...this.#batch.keys(), ...this.#deltas.keys()]);
    const all = await this.read(behind(ids, after), lineage, slice);
    return page(
      all.filter(({ batch, deltas }) => batch !== null || deltas.length > 0),
      limit,
    );
  }

  async writeBatch(rows: readonly BatchRow[]): Promise<void> {
    this.#assertThere();
    for (const row of rows) checkBatchRow(this.#columns, row);
    for (const row of rows) inner(this.#batch, row.customerId).set(row.generation, copyBatch(row));
  }

  async loadDeltas(keys: readonly DeltaKey[]): Promise<readonly DeltaRow[]> {
    this.#assertThere();
    const rows = keys.map((key) => this.#deltas.get(key.customerId)?.get(slot(key.epoch, key.partition)));
    return rows.filter((row) => row !== undefined).map(copyDelta);
  }

  async writeDeltas(rows: readonly DeltaRow[]): Promise<void> {
    this.#assertThere();
    for (const row of rows) checkDeltaRow(this.#columns, row);
    for (const row of rows) {
      const own = inner(this.#deltas, row.customerId);
      const there = own.get(slot(row.epoch, row.partition));
      if (there === undefined || there.lastOffset < row.lastOffset)
        own.set(slot(row.epoch, row.partition), copyDelta(row));
    }
  }

  async writeTouched(keys: readonly DeltaKey[]): Promise<void> {
    this.#assertThere();
    for (const key of keys) checkDeltaKey(key);
    for (const { customerId, epoch, partition } of keys) {
      this.#touched.set(marker({ customerId, epoch, partition }), { customerId, epoch, partition });
    }
  }

  async *touched(slice: DeltaSlice): AsyncIterable<readonly string[]> {
    this.#assertThere();
    const counting = [...this.#touched.values()].filter(({ epoch, partition }) => inSlice(epoch, partition, slice));
    const ids = [...new Set(counting.map(({ customerId }) => customerId))];
    for (let at = 0; at < ids.length; at += TOUCHED_PAGE) yield ids.slice(at, at + TOUCHED_PAGE);
  }

  async positions(): Promise<ReadonlyMap<number, Position>> {
    this.#assertThere();
    return new Map(this.#positions);
  }

  async writePosition(partition: number, position: Position): Promise<void> {
    this.#assertThere();
    checkPosition(partition, position);
    const there = this.#positions.get(partition);
    if (there === undefined || there.offset < position.offset) this.#positions.set(partition, { ...position });
  }

  async writeCandidates(generation: number, list: string, candidates: readonly Candidate[]): Promise<void> {
    this.#assertThere();
    checkCandidateList(generation, list, candidates);
    inner(this.#candidates, generation).set(list, candidates.toSorted(byRank));
  }

  async candidates(generation: number, list: string, limit: number): Promise<readonly Candidate[]> {
    this.#assertThere();
    checkLimit(limit);
    return this.#candidates.get(generation)?.get(list)?.slice(0, limit) ?? [];
  }

  async writeDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    this.#assertThere();
    for (const letter of letters) checkDeadLetter(letter);
    for (const letter of letters) {
      const key = slot(letter.partition, letter.offset);
      if (this.#deadLetters.has(key)) continue;
      this.#deadLetters.set(key, { ...letter, reason: storableText(letter.reason), bytes: letter.bytes.slice() });
    }
  }

  async deadLetters({ after, limit }: Parameters<Views['deadLetters']>[0]): Promise<readonly DeadLetter[]> {
    this.#assertThere();
    checkLimit(limit);
    const order = (a: Pick<DeadLetter, 'partition' | 'offset'>, b: Pick<DeadLetter, 'partition' | 'offset'>): number =>
      a.partition - b.partition || (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0);
    const rest = [...this.#deadLetters.values()].filter((letter) => after === null || order(letter, after) > 0);
    return rest.toSorted(order).slice(0, limit);
  }

  async countDeadLetters(): Promise<ReadonlyMap<string, bigint>> {
    this.#assertThere();
    const counts = new Map<string, bigint>();
    for (const { code } of this.#deadLetters.values()) counts.set(code, (counts.get(code) ?? 0n) + 1n);
    return counts;
  }

  async versions({ after, limit }: Parameters<Views['versions']>[0]): ReturnType<Views['versions']> {
    this.#assertThere();
    checkLimit(limit);
    const rows = behind(this.#batch.keys(), after).map((customerId) => {
      const versions = [...(this.#batch.get(customerId)?.values() ?? [])].toSorted(
        (a, b) => a.generation - b.generation,
      );
      return {
        customerId,
        generations: versions.map(({ generation }) => generation),
        empty: versions.filter(({ state }) => state === null).map(({ generation }) => generation),
      };
    });
    return page(
      rows.filter(({ generations, empty }) => generations.length > 1 || empty.length > 0),
      limit,
    );
  }

  async deleteBatch(keys: readonly { readonly customerId: string; readonly generation: number }[]): Promise<void> {
    this.#assertThere();
    for (const { customerId, generation } of keys) this.#batch.get(customerId)?.delete(generation);
  }

  async touchedBelow(partition: number, epoch: number, limit: number): Promise<readonly DeltaKey[]> {
    this.#assertThere();
    checkLimit(limit);
    return [...this.#touched.values()]
      .filter((key) => key.partition === partition && key.epoch < epoch)
      .slice(0, limit);
  }

  async deleteDeltas(keys: readonly DeltaKey[], offset: bigint): Promise<void> {
    this.#assertThere();
    for (const key of keys) {
      const own = this.#deltas.get(key.customerId);
      const row = own?.get(slot(key.epoch, key.partition));
      if (row !== undefined && row.lastOffset >= offset) continue;
      own?.delete(slot(key.epoch, key.partition));
      this.#touched.delete(marker(key));
    }
  }

  async deleteCandidates(generation: number): Promise<void> {
    this.#assertThere();
    this.#candidates.delete(generation);
  }

  #assertThere(): void {
    if (this.#dropped) throw new ViewsError('TIDEMARK_VIEWS_GONE', 'The definition was dropped.');
  }
}

/** The ids behind a cursor, in this store's own order. */
function behind(ids: Iterable<string>, after: string | null): string[] {
  return [...ids].filter((id) => after === null || compareUtf8(id, after) > 0).toSorted(compareUtf8);
}

function page<T extends { readonly customerId: string }>(
  all: readonly T[],
  limit: number,
): { readonly rows: readonly T[]; readonly cursor: string | null } {
  const rows = all.slice(0, limit);
  return { rows, cursor: all.length > limit ? (rows.at(-1)?.customerId ?? null) : null };
}

function inner<K, L, V>(outer: Map<K, Map<L, V>>, key: K): Map<L, V> {
  const there = outer.get(key) ?? new Map<L, V>();
  outer.set(key, there);
  return there;
}

function slot(epochOrPartition: number, partitionOrOffset: number | bigint): string {
  return `${epochOrPartition} ${partitionOrOffset}`;
}

function marker({ customerId, epoch, partition }: DeltaKey): string {
  return `${epoch} ${partition} ${customerId}`;
}

function copyBatch({ customerId, generation, state }: BatchRow): BatchRow {
  return { customerId, generation, state: state === null ? null : copyState(state) };
}

function copyDelta({ customerId, epoch, partition, lastOffset, ids, state }: DeltaRow): DeltaRow {
  return { customerId, epoch, partition, lastOffset, ids: ids.slice(), state: copyState(state) };
}

function copyState(state: StoredState): StoredState {
  return state.map(copyValue);
}

function copyValue(value: ColumnValue): ColumnValue {
  if (value === null || typeof value !== 'object') return value;
  if (!(value instanceof Map)) return [...(value as readonly string[])];
  return new Map([...value].toSorted(([a], [b]) => (typeof a === 'number' ? a - b : compareUtf8(a, b))));
}

/** Equal for equal values, whatever the order of a map. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`;
    return each instanceof Map ? [...each].toSorted(([a], [b]) => Number(a) - Number(b)) : each;
  });
}
