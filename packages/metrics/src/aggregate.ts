import type { Column, ColumnValue } from './column.ts';
import type { FieldValue } from './source.ts';
import type { State } from './state.ts';

/** What a measure hands its aggregate for one signed row that passed the filter. */
export type Input = {
  /** The measured field; null where the aggregate measures rows, not a field. */
  readonly value: FieldValue;
  /** The hour (since 1970) a windowed aggregate files the row under; null without a window. */
  readonly hour: number | null;
  /** Order of the row among others, for `latest`: the event's time (UTC ms) and id. */
  readonly occurredAt: number;
  readonly eventId: string;
};

export type Finished = {
  readonly value: FinishedValue;
  /** True when a row taken back may have decided the value. */
  readonly provisional: boolean;
};

export type FinishedValue = bigint | number | string | null | ReadonlyMap<string, bigint>;

/**
 * An aggregate owns a few adjacent columns of a state, starting at `at`. `merge` is associative and commutative with
 * the zero as identity; adding a row with sign −1 after adding it with +1 restores the value, or `finish` says
 * provisional. The idea of aggregates as commutative monoids over partial results is Summingbird's and Chronon's; the
 * signed rows are Z-sets as in DBSP.
 */
export type Aggregate = {
  readonly kind: 'sum' | 'count' | 'min' | 'max' | 'latest' | 'distinct';
  /** Exact under retraction; otherwise its value can become provisional. */
  readonly exact: boolean;
  columns(measure: string): readonly Column[];
  zero(): readonly ColumnValue[];
  add(state: State, at: number, input: Input, sign: 1 | -1): void;
  merge(into: State, at: number, from: readonly ColumnValue[]): void;
  /** The value at `asOfMs` (UTC ms); only windows look at the time. */
  finish(state: readonly ColumnValue[], at: number, asOfMs: number): Finished;
  /** SQL over the consolidated rows of one customer, one expression a column, in the columns' order. */
  sql(input: SqlInput): readonly string[];
  /** The finished value at hour `asOfHour` in SQL over a snapshot of states, a whole number; null where it has no order. */
  scoreSql(measure: string, asOfHour: number): string | null;
};

/** The row's parts as SQL expressions over the consolidated rows of the source. */
export type SqlInput = {
  readonly value: string;
  /** The rows that count; `TRUE` for all. */
  readonly filter: string;
  readonly hour: string;
  readonly occurredAt: string;
  readonly eventId: string;
  /** Windows keep only hours above this expression; see `KEPT_HOURS`. */
  readonly oldestHour: string;
};
