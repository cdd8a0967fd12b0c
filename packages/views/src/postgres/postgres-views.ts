import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareUtf8, isIdentifier } from '@tidemark/contracts';
import type { Column } from '@tidemark/metrics';
import { reached } from '@tidemark/runtime';
import { byRank } from '../by-rank.ts';
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
import { checkOffset, storableText } from '../checked-value.ts';
import { InFlight } from '../in-flight.ts';
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
  StoredState,
  Views,
} from '../port.ts';
import { tableSet } from '../table-set.ts';
import { POSTGRES_TYPES } from './column-type.ts';
import type { Database, Row } from './database.ts';
import { compareAndSetPointer, readPointer } from './pointer-rows.ts';
import { type Statement, type Statements, statements } from './statements.ts';
import { chunksByKey, stateArrays } from './upsert.ts';
import { arrayText, bytesText } from './wire-text.ts';
import { bigintOf, booleanOf, bytesOf, numberOf, numbersOf, textOf } from './wire-value.ts';

const TOUCHED_PAGE = 1000;

/** Few, so that one is encoded while the server works on the one before. Each is a commit, but two of them share their waiting. */
const DELTAS_PER_STATEMENT = 250;
const DELTA_STATEMENTS_IN_FLIGHT = 2;

/** Where rows of `read` and `load_deltas` have them. */
const PARTITION = 2;
const STATE = 5;

/** Nobody's id is empty, so this is before all of them. */
const BEFORE_ALL = '';

/** The views of one life of a definition, in its own tables. Every call is one statement, or a few that need no order between them. */
export class PostgresViews implements Views {
  readonly #database: Database;
  /** What its tables are called after. */
  readonly #set: string;
  readonly #columns: readonly Column[];
  readonly #statements: Statements;

  constructor(
    database: Database,
    { id, life, columns }: { readonly id: string; readonly life: number; readonly columns: readonly Column[] },
  ) {
    this.#database = database;
    this.#set = tableSet(id, life);
    this.#columns = columns;
    this.#statements = statements(this.#set, columns);
  }

  async pointer(): Promise<LivePointer | null> {
    return await readPointer(this.#database, this.#set);
  }

  async compareAndSetPointer(expected: LivePointer | null, next: LivePointer): Promise<boolean> {
    checkPointer(next);
    // A first one of tables that are gone nobody would ever see: who sets it has to know.
    if (expected === null) await this.positions();
    return await compareAndSetPointer(this.#database, this.#set, expected, next);
  }

  async read(
    customerIds: readonly string[],
    lineage: Lineage | null,
    slice: DeltaSlice,
  ): Promise<readonly CustomerRows[]> {
    // An id that can't be stored has no rows; the driver would bind another in its place.
    const ids = arrayText([...new Set(customerIds)].filter(isIdentifier));
    const batch = new Map<string, BatchRow>();
    const deltas = new Map<string, DeltaRow[]>();
    for (const row of await this.#run(this.#statements.read, [ids, ...lineageValues(lineage), ...sliceValues(slice)])) {
      const customerId = textOf(row[0]);
      if (row[PARTITION] === null) {
        batch.set(customerId, this.#decodeBatch(row));
        continue;
      }
      const own = deltas.get(customerId);
      if (own === undefined) deltas.set(customerId, [this.#decodeDelta(row)]);
      else own.push(this.#decodeDelta(row));
    }
    for (const own of deltas.values()) own.sort((a, b) => a.epoch - b.epoch || a.partition - b.partition);
    return customerIds.map((customerId) => ({
      customerId,
      batch: batch.get(customerId) ?? null,
      deltas: deltas.get(customerId) ?? [],
    }));
  }

  /**
   * The store's own order is that of the ids' bytes. Deltas are looked for only as far as the page of batch rows reaches:
   * there may be very many old ones that don't count.
   */
  async scan(
    lineage: Lineage | null,
    slice: DeltaSlice,
    { after, limit }: { readonly after: string | null; readonly limit: number },
  ): Promise<ScanPage> {
    checkLimit(limit);
    const behind = after ?? BEFORE_ALL;
    const inBatch =
      lineage === null
        ? []
        : await this.#ids(this.#statements.scan_batch, [behind, ...lineageValues(lineage), limit + 1]);
    const last = inBatch.length > limit ? inBatch.at(-1) : undefined;
    const values = [behind, ...sliceValues(slice), limit + 1];
    const inDeltas = await (last === undefined
      ? this.#ids(this.#statements.scan_deltas, values)
      : this.#ids(this.#statements.scan_deltas_to, [...values, last]));
    const all = [...new Set([...inBatch, ...inDeltas])].sort(compareUtf8);
    const ids = all.slice(0, limit);
    return { rows: await this.read(ids, lineage, slice), cursor: all.length > limit ? (ids.at(-1) ?? null) : null };
  }

  async writeBatch(rows: readonly BatchRow[]): Promise<void> {
    for (const row of rows) checkBatchRow(this.#columns, row);
    const keyOf = (row: BatchRow): string => `${row.customerId}\0${row.generation}`;
    for (const chunk of chunksByKey(rows, keyOf, () => true)) {
      await this.#run(this.#statements.write_batch, [
        arrayText(chunk.map(({ customerId }) => customerId)),
        arrayText(chunk.map(({ generation }) => String(generation))),
        arrayText(chunk.map(({ state }) => String(state === null))),
        ...stateArrays(
          this.#columns,
          chunk.map(({ state }) => state),
        ),
      ]);
    }
  }

  async loadDeltas(keys: readonly DeltaKey[]): Promise<readonly DeltaRow[]> {
    const rows: DeltaRow[] = [];
    for (const chunk of chunksByKey(keys, deltaKey, () => false)) {
      for (const row of await this.#run(this.#statements.load_deltas, keyArrays(chunk)))
        rows.push(this.#decodeDelta(row));
    }
    return rows;
  }

  async writeDeltas(rows: readonly DeltaRow[]): Promise<void> {
    for (const row of rows) checkDeltaRow(this.#columns, row);
    const isNewer = (row: DeltaRow, over: DeltaRow) => row.lastOffset > over.lastOffset;
    const chunks = chunksByKey(rows, deltaKey, isNewer, DELTAS_PER_STATEMENT);
    await new InFlight(DELTA_STATEMENTS_IN_FLIGHT).map(chunks, async (chunk) => {
      // The statement before has to be on its way before this one is encoded.
      await nextTurn();
      await this.#run(this.#statements.write_deltas, [
        ...keyArrays(chunk),
        arrayText(chunk.map(({ lastOffset }) => lastOffset.toString())),
        arrayText(chunk.map(({ ids }) => bytesText(ids))),
        ...stateArrays(
          this.#columns,
          chunk.map(({ state }) => state),
        ),
      ]);
    });
  }

  async writeTouched(keys: readonly DeltaKey[]): Promise<void> {
    for (const key of keys) checkDeltaKey(key);
    for (const chunk of chunksByKey(keys, deltaKey, () => false)) {
      await this.#run(this.#statements.write_touched, keyArrays(chunk));
    }
  }

  async *touched(slice: DeltaSlice): AsyncIterable<readonly string[]> {
    let after: string | undefined = BEFORE_ALL;
    while (after !== undefined) {
      const page: readonly string[] = await this.#ids(this.#statements.touched, [
        after,
        ...sliceValues(slice),
        TOUCHED_PAGE,
      ]);
      if (page.length > 0) yield page;
      after = page.length < TOUCHED_PAGE ? undefined : page.at(-1);
    }
  }

  async positions(): Promise<ReadonlyMap<number, Position>> {
    const rows = await this.#run(this.#statements.positions, []);
    return new Map(rows.map(decodePosition));
  }

  async writePosition(partition: number, position: Position): Promise<void> {
    checkPosition(partition, position);
    const { offset, epoch, previousEpoch, fingerprint, logId } = position;
    await this.#run(this.#statements.write_position, [partition, offset, epoch, previousEpoch, fingerprint, logId]);
  }

  async writeCandidates(generation: number, list: string, candidates: readonly Candidate[]): Promise<void> {
    checkCandidateList(generation, list, candidates);
    const ranked = candidates.toSorted(byRank);
    await this.#run(this.#statements.write_candidates, [
      generation,
      list,
      arrayText(ranked.map(({ customerId }) => customerId)),
      arrayText(ranked.map(({ score }) => score.toString())),
    ]);
  }

  async candidates(generation: number, list: string, limit: number): Promise<readonly Candidate[]> {
    checkLimit(limit);
    const rows = await this.#run(this.#statements.candidates, [generation, list, limit]);
    return rows.map(([customerId, score]) => ({ customerId: textOf(customerId), score: BigInt(textOf(score)) }));
  }

  async writeDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) checkDeadLetter(letter);
    const keyOf = ({ partition, offset }: DeadLetter): string => `${partition} ${offset}`;
    for (const chunk of chunksByKey(letters, keyOf, () => false)) {
      await this.#run(this.#statements.write_errors, [
        arrayText(chunk.map(({ partition }) => String(partition))),
        arrayText(chunk.map(({ offset }) => offset.toString())),
        arrayText(chunk.map(({ code }) => code)),
        arrayText(chunk.map(({ reason }) => storableText(reason))),
        arrayText(chunk.map(({ bytes }) => bytesText(bytes))),
      ]);
    }
  }

  async deadLetters({ after, limit }: Parameters<Views['deadLetters']>[0]): Promise<readonly DeadLetter[]> {
    checkLimit(limit);
    const { partition, offset } = after ?? { partition: -1, offset: 0n };
    return (await this.#run(this.#statements.errors, [partition, offset, limit])).map(decodeDeadLetter);
  }

  async countDeadLetters(): Promise<ReadonlyMap<string, bigint>> {
    const rows = await this.#run(this.#statements.count_errors, []);
    return new Map(rows.map(([code, count]) => [textOf(code), bigintOf(count)]));
  }

  async versions({ after, limit }: Parameters<Views['versions']>[0]): ReturnType<Views['versions']> {
    checkLimit(limit);
    const rows = (await this.#run(this.#statements.versions, [after ?? BEFORE_ALL, limit])).map(
      ([customerId, generations, empty]) => ({
        customerId: textOf(customerId),
        generations: numbersOf(generations),
        empty: numbersOf(empty),
      }),
    );
    return { rows, cursor: rows.length < limit ? null : (rows.at(-1)?.customerId ?? null) };
  }

  async deleteBatch(keys: readonly { readonly customerId: string; readonly generation: number }[]): Promise<void> {
    for (const chunk of chunksByKey(
      keys,
      ({ customerId, generation }) => `${customerId}\0${generation}`,
      () => false,
    )) {
      await this.#run(this.#statements.delete_batch, [
        arrayText(chunk.map(({ customerId }) => customerId)),
        arrayText(chunk.map(({ generation }) => String(generation))),
      ]);
    }
  }

  async touchedBelow(partition: number, epoch: number, limit: number): Promise<readonly DeltaKey[]> {
    checkLimit(limit);
    const rows = await this.#run(this.#statements.touched_below, [partition, epoch, limit]);
    return rows.map(([customerId, ofEpoch, ofPartition]) => ({
      customerId: textOf(customerId),
      epoch: numberOf(ofEpoch),
      partition: numberOf(ofPartition),
    }));
  }

  async deleteDeltas(keys: readonly DeltaKey[], offset: bigint): Promise<void> {
    checkOffset(offset);
    for (const chunk of chunksByKey(keys, deltaKey, () => false)) {
      await this.#run(this.#statements.delete_deltas, [...keyArrays(chunk), offset]);
      reached('clean: delta rows deleted');
      await this.#run(this.#statements.delete_touched, keyArrays(chunk));
    }
  }

  async deleteCandidates(generation: number): Promise<void> {
    await this.#run(this.#statements.delete_candidates, [generation]);
  }

  async #run({ name, text }: Statement, values: readonly unknown[]): Promise<readonly Row[]> {
    return await this.#database.run(name, text, values);
  }

  async #ids(statement: Statement, values: readonly unknown[]): Promise<readonly string[]> {
    return (await this.#run(statement, values)).map(([customerId]) => textOf(customerId));
  }

  #decodeBatch(row: Row): BatchRow {
    const isEmpty = booleanOf(row[STATE + this.#columns.length]);
    return { customerId: textOf(row[0]), generation: numberOf(row[1]), state: isEmpty ? null : this.#decodeState(row) };
  }

  #decodeDelta(row: Row): DeltaRow {
    return {
      customerId: textOf(row[0]),
      epoch: numberOf(row[1]),
      partition: numberOf(row[PARTITION]),
      lastOffset: bigintOf(row[3]),
      ids: bytesOf(row[4]),
      state: this.#decodeState(row),
    };
  }

  #decodeState(row: Row): StoredState {
    return this.#columns.map(({ type }, index) => {
      const value = row[STATE + index];
      return value === null ? null : POSTGRES_TYPES[type].decode(value);
    });
  }
}

function deltaKey({ customerId, epoch, partition }: DeltaKey): string {
  return `${customerId}\0${epoch} ${partition}`;
}

function keyArrays(keys: readonly DeltaKey[]): readonly string[] {
  return [
    arrayText(keys.map(({ customerId }) => customerId)),
    arrayText(keys.map(({ epoch }) => String(epoch))),
    arrayText(keys.map(({ partition }) => String(partition))),
  ];
}

/** Of no lineage there is no row: generations begin at 1. */
function lineageValues(lineage: Lineage | null): readonly unknown[] {
  const { generation, excluded } = lineage ?? { generation: 0, excluded: [] };
  return [generation, arrayText(excluded.map(String))];
}

function sliceValues(slice: DeltaSlice): readonly unknown[] {
  return slice === null ? [0, '{}'] : [slice.generation, arrayText([...slice.cutPartitions].map(String))];
}

function decodePosition([partition, offset, epoch, previousEpoch, fingerprint, logId]: Row): [number, Position] {
  return [
    numberOf(partition),
    {
      offset: bigintOf(offset),
      epoch: numberOf(epoch),
      previousEpoch: previousEpoch === null ? null : numberOf(previousEpoch),
      fingerprint: textOf(fingerprint),
      logId: textOf(logId),
    },
  ];
}

function decodeDeadLetter([partition, offset, code, reason, bytes]: Row): DeadLetter {
  return {
    partition: numberOf(partition),
    offset: bigintOf(offset),
    code: textOf(code),
    reason: textOf(reason),
    bytes: bytesOf(bytes),
  };
}
