import type { ChangeKind, EventIdentity, HistoryPlace, Row } from '@tidemark/metrics';
import type { RecordBatch } from 'apache-arrow';

/** A file of expanded rows, and the import it belongs to; null for rows of the log. */
export type RowFile = { readonly location: string; readonly import: number | null };

export type RecomputeRequest = {
  readonly currency: string;
  /** The definition the caller means; an engine with other code refuses. */
  readonly definitionId: string;
  /** The run's wall-clock time, UTC ms. */
  readonly barrierAtMs: number;
  /** The rows of everything the cut covers, by source. */
  readonly rows: Readonly<Record<string, readonly RowFile[]>>;
  /** Local path the snapshot of states is written to: Parquet, `customer_id` and the definition's columns. */
  readonly snapshot: string;
};

export type RecomputeResult = {
  readonly customers: number;
  /** Milliseconds each statement took, by name. */
  readonly durations: Readonly<Record<string, number>>;
};

/** What the quality gate looks at. */
export type Inspection = {
  readonly customers: number;
  readonly duplicateCustomers: number;
  /** Columns that must have a value and have none, with the number of rows. */
  readonly nulls: Readonly<Record<string, number>>;
  /** Sums of money below zero, with the number of customers. */
  readonly negativeMoney: Readonly<Record<string, number>>;
  /** Customers of the base that the snapshot no longer has; null without a base. */
  readonly lost: number | null;
};

export type RankedCustomer = { readonly customerId: string; readonly score: bigint };

export type Rankings = ReadonlyMap<string, readonly RankedCustomer[]>;

export type HistoryRequest = Pick<RecomputeRequest, 'currency' | 'definitionId' | 'rows'> & {
  readonly customerIds: readonly string[];
};

/** A row as it was landed: what an event left behind, and where the event stands in history. */
export type HistoryRow = {
  readonly customerId: string;
  readonly source: string;
  readonly place: HistoryPlace;
  readonly event: EventIdentity;
  readonly key: string;
  readonly kind: ChangeKind;
  readonly row: Row;
};

/**
 * The batch engine: recomputes every customer from the full history. It works in a process of its own; results cross
 * as Arrow record batches. Each call reads snapshots by path, so a run goes on where a killed one stopped.
 */
export type Engine = {
  /**
   * Scans each source's rows and leaves the snapshot. `onProgress` is told each statement as it begins; what it throws ends the
   * work, and then the call.
   */
  recompute(request: RecomputeRequest, onProgress?: (step: string) => void): Promise<RecomputeResult>;
  inspect(currency: string, snapshot: string, base: string | null): Promise<Inspection>;
  /**
   * Customers whose state differs from the base's, or all without a base: column `customer_id`, boolean `gone` (in the
   * base, no longer in the snapshot: the states are zeros then), and the definition's columns.
   */
  changes(currency: string, snapshot: string, base: string | null): AsyncIterable<RecordBatch>;
  /** The definition's rank lists as they stand at `asOfMs`, by name: of each the first `limit` customers, best first. */
  rankings(currency: string, snapshot: string, asOfMs: number, limit: number): Promise<Rankings>;
  /** The rows of some customers, repeats too, in no particular order: one scan for all of them. Few enough to be held. */
  histories(request: HistoryRequest): Promise<readonly HistoryRow[]>;
  close(): Promise<void>;
};
