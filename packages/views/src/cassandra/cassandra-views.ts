import { isIdentifier } from '@tidemark/contracts';
import type { Column } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import {
  checkBatchRow,
  checkCandidateList,
  checkDeadLetter,
  checkDeltaKey,
  checkDeltaRow,
  checkLimit,
  checkPointer,
  checkPosition,
} from '../checked-row.ts';
import { checkOffset } from '../checked-value.ts';
import { inSlice } from '../lineage.ts';
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
  Views,
} from '../port.ts';
import { tableSet } from '../table-set.ts';
import { BatchRows } from './batch-rows.ts';
import { Candidates } from './candidates.ts';
import type { ComparedRows } from './compared-row.ts';
import type { Statements } from './connection.ts';
import { DeadLetters } from './dead-letters.ts';
import { DeltaRows, keyText } from './delta-rows.ts';
import { samePointer } from './pointer-rows.ts';
import { Positions } from './positions.ts';
import { qualified, type TableName, tableName } from './schema.ts';
import { StateCodec } from './state-codec.ts';
import { decodePlace, encodePlace, nextOf } from './token-order.ts';
import { TouchedMarkers } from './touched-markers.ts';
import { booleanOf, numberOf } from './wire-value.ts';

/** Rows of a page of whole ones. */
const PAGE_ROWS = 1000;

/** Rows of a page of keys, which are small. */
const VERSION_ROWS = 5000;

/** The views of one life of a definition, in its own tables. */
export class CassandraViews implements Views {
  readonly #connection: Statements;
  /** What its tables are called after. */
  readonly #set: string;
  readonly #columns: readonly Column[];
  readonly #pointers: ComparedRows<LivePointer>;
  readonly #batch: BatchRows;
  readonly #deltas: DeltaRows;
  readonly #touched: TouchedMarkers;
  readonly #positions: Positions;
  readonly #candidates: Candidates;
  readonly #deadLetters: DeadLetters;

  constructor(
    connection: Statements,
    pointers: ComparedRows<LivePointer>,
    { id, life, columns }: { readonly id: string; readonly life: number; readonly columns: readonly Column[] },
  ) {
    const set = tableSet(id, life);
    const table = (name: TableName): string => qualified(connection.keyspace, tableName(name, set));
    const codec = new StateCodec(columns);
    this.#connection = connection;
    this.#set = set;
    this.#columns = columns;
    this.#pointers = pointers;
    this.#batch = new BatchRows(connection, table('batch'), codec);
    this.#deltas = new DeltaRows(connection, table('delta'), codec);
    this.#touched = new TouchedMarkers(connection, table('touched'), table('directory'));
    this.#positions = new Positions(connection, table('position'));
    this.#candidates = new Candidates(connection, table('candidate'));
    this.#deadLetters = new DeadLetters(
      connection,
      table('processing_errors'),
      table('error_index'),
      table('directory'),
    );
  }

  async pointer(): Promise<LivePointer | null> {
    return await this.#pointers.read(this.#set);
  }

  async compareAndSetPointer(expected: LivePointer | null, next: LivePointer): Promise<boolean> {
    checkPointer(next);
    // A first one of tables that are gone nobody would ever see: who sets it has to know.
    if (expected === null) await this.positions();
    return await this.#pointers.compareAndSet(this.#set, samePointer(expected), next);
  }

  async read(
    customerIds: readonly string[],
    lineage: Lineage | null,
    slice: DeltaSlice,
    positions?: ReadonlyMap<number, unknown>,
  ): Promise<readonly CustomerRows[]> {
    const distinct = [...new Set(customerIds)];
    const hasEpoch0 = slice !== null && (await this.#mayHaveEpoch0(slice, positions));
    const found = await this.#connection.each(distinct, (customerId) =>
      this.#readOne(customerId, lineage, slice, hasEpoch0),
    );
    const byId = new Map(found.map((rows) => [rows.customerId, rows]));
    return customerIds.map((customerId) => byId.get(customerId) ?? { customerId, batch: null, deltas: [] });
  }

  /** Both tables are read in token order side by side, whole rows at a time: far fewer requests than customers. */
  async scan(
    lineage: Lineage | null,
    slice: DeltaSlice,
    { after, limit }: { readonly after: string | null; readonly limit: number },
  ): Promise<ScanPage> {
    checkLimit(limit);
    const place = decodePlace(after);
    const pageRows = Math.min(PAGE_ROWS, limit);
    const batch = lineage === null ? null : this.#batch.inOrder.after(place, pageRows);
    const deltas = this.#deltas.inOrder.after(place, pageRows);
    const rows: CustomerRows[] = [];
    for (let last = place; ; ) {
      // One page of each table makes a page of the scan, however few of its customers count.
      const isEnough = rows.length === limit || !(deltas.isReady && (batch?.isReady ?? true));
      if (last !== place && isEnough) return { rows, cursor: last === null ? null : encodePlace(last) };
      const customer = await nextOf(batch, deltas);
      if (customer === null) return { rows, cursor: null };
      const { customerId } = customer;
      const counting = {
        customerId,
        batch: this.#batch.newest(customer.left, lineage),
        deltas: this.#deltas.counting(customer.right, slice),
      };
      if (counting.batch !== null || counting.deltas.length > 0) rows.push(counting);
      last = customer;
    }
  }

  async writeBatch(rows: readonly BatchRow[]): Promise<void> {
    for (const row of rows) checkBatchRow(this.#columns, row);
    await this.#batch.write(rows);
  }

  async loadDeltas(keys: readonly DeltaKey[]): Promise<readonly DeltaRow[]> {
    return await this.#deltas.load(keys);
  }

  async writeDeltas(rows: readonly DeltaRow[]): Promise<void> {
    for (const row of rows) checkDeltaRow(this.#columns, row);
    await this.#deltas.write(rows);
  }

  async writeTouched(keys: readonly DeltaKey[]): Promise<void> {
    for (const key of keys) checkDeltaKey(key);
    await this.#touched.write(keys);
  }

  touched(slice: DeltaSlice): AsyncIterable<readonly string[]> {
    return this.#touched.read(slice);
  }

  async positions(): Promise<ReadonlyMap<number, Position>> {
    return await this.#positions.read();
  }

  async writePosition(partition: number, position: Position): Promise<void> {
    checkPosition(partition, position);
    await this.#positions.write(partition, position);
  }

  async writeCandidates(generation: number, list: string, candidates: readonly Candidate[]): Promise<void> {
    checkCandidateList(generation, list, candidates);
    await this.#candidates.write(generation, list, candidates);
  }

  async candidates(generation: number, list: string, limit: number): Promise<readonly Candidate[]> {
    checkLimit(limit);
    return await this.#candidates.read(generation, list, limit);
  }

  async writeDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) checkDeadLetter(letter);
    await this.#deadLetters.write(letters);
  }

  async deadLetters(page: Parameters<Views['deadLetters']>[0]): Promise<readonly DeadLetter[]> {
    checkLimit(page.limit);
    return await this.#deadLetters.page(page);
  }

  async countDeadLetters(): Promise<ReadonlyMap<string, bigint>> {
    return await this.#deadLetters.count();
  }

  async versions({ after, limit }: Parameters<Views['versions']>[0]): ReturnType<Views['versions']> {
    checkLimit(limit);
    const place = decodePlace(after);
    const reader = this.#batch.versionsInOrder.after(place, VERSION_ROWS);
    const rows: Awaited<ReturnType<Views['versions']>>['rows'][number][] = [];
    for (let last = place; ; reader.skip()) {
      const isEnough = rows.length === limit || !reader.isReady;
      if (last !== place && isEnough) return { rows, cursor: last === null ? null : encodePlace(last) };
      const customer = await reader.peek();
      if (customer === null) return { rows, cursor: null };
      // The store has them newest first.
      const ascending = customer.rows.toReversed();
      const generations = ascending.map(({ generation }) => numberOf(generation));
      const empty = ascending.filter((row) => booleanOf(row.empty)).map(({ generation }) => numberOf(generation));
      if (generations.length > 1 || empty.length > 0)
        rows.push({ customerId: customer.customerId, generations, empty });
      last = customer;
    }
  }

  async deleteBatch(keys: readonly { readonly customerId: string; readonly generation: number }[]): Promise<void> {
    await this.#batch.delete(keys);
  }

  async touchedBelow(partition: number, epoch: number, limit: number): Promise<readonly DeltaKey[]> {
    checkLimit(limit);
    return await this.#touched.below(partition, epoch, limit);
  }

  async deleteDeltas(keys: readonly DeltaKey[], offset: bigint): Promise<void> {
    checkOffset(offset);
    await this.#deltas.delete(keys, offset);
    reached('clean: delta rows deleted');
    const staying = await this.#deltas.existing(keys);
    await this.#touched.delete(
      keys.filter((key) => !staying.has(keyText(key))),
      offset,
    );
  }

  async deleteCandidates(generation: number): Promise<void> {
    await this.#candidates.delete(generation);
  }

  /** Whether deltas of epoch 0 may have to be found. Markers come before rows, so that the directory knows of every partition. */
  async #mayHaveEpoch0(
    slice: NonNullable<DeltaSlice>,
    positions: ReadonlyMap<number, unknown> | undefined,
  ): Promise<boolean> {
    if (positions === undefined) return await this.#touched.hasEpoch0(slice);
    for (const partition of positions.keys()) if (inSlice(0, partition, slice)) return true;
    return false;
  }

  async #readOne(
    customerId: string,
    lineage: Lineage | null,
    slice: DeltaSlice,
    hasEpoch0: boolean,
  ): Promise<CustomerRows> {
    // An id that can't be stored has no rows; its bytes would be another's.
    if (!isIdentifier(customerId)) return { customerId, batch: null, deltas: [] };
    const [batch, deltas] = await Promise.all([
      lineage === null ? null : this.#batch.read(customerId, lineage),
      this.#deltas.read(customerId, slice, hasEpoch0),
    ]);
    return { customerId, batch, deltas };
  }
}
