import type { HistoryRequest, HistoryRow, Inspection, RecomputeRequest, RecomputeResult } from '../port.ts';

/** A rank list, best first, as columns: an object for each customer would take several times as long to cross. */
export type RankedColumns = { readonly name: string; readonly customerIds: string[]; readonly scores: bigint[] };

/** What the caller asks of the engine's process. One answer, or a stream of batches, for each id. */
export type Request = { readonly id: number } & (
  | { readonly kind: 'recompute'; readonly request: RecomputeRequest }
  | { readonly kind: 'inspect'; readonly currency: string; readonly snapshot: string; readonly base: string | null }
  | { readonly kind: 'changes'; readonly currency: string; readonly snapshot: string; readonly base: string | null }
  | {
      readonly kind: 'rankings';
      readonly currency: string;
      readonly snapshot: string;
      readonly asOfMs: number;
      readonly limit: number;
    }
  | { readonly kind: 'histories'; readonly request: HistoryRequest }
  /** The caller has taken a batch in: the process may send one more. */
  | { readonly kind: 'taken' }
  /** The caller no longer wants the answer. What was under way ends as failed, at its next statement or batch. */
  | { readonly kind: 'stop' }
);

/** What the process answers. */
export type Reply = { readonly id: number } & (
  | { readonly kind: 'progress'; readonly step: string }
  /** One record batch as an Arrow IPC stream of its own. */
  | { readonly kind: 'batch'; readonly ipc: Uint8Array; readonly rows: number }
  /** The end of a stream, with what was sent: a stream cut short cannot pass for a whole one. */
  | { readonly kind: 'end'; readonly batches: number; readonly rows: number }
  | {
      readonly kind: 'done';
      readonly result: RecomputeResult | Inspection | readonly RankedColumns[] | readonly HistoryRow[];
    }
  | { readonly kind: 'failed'; readonly message: string }
);
