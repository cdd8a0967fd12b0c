import { TidemarkError } from '@tidemark/contracts';

export type BatchErrorCode =
  /** Another run is going on. */
  | 'TIDEMARK_BATCH_BUSY'
  /** The right to run was lost in the middle of a run. */
  | 'TIDEMARK_BATCH_LOCK_LOST'
  /** The log is not the one that was landed so far. */
  | 'TIDEMARK_BATCH_LOG_CHANGED'
  /** Retention removed records before they were landed. */
  | 'TIDEMARK_BATCH_GAP'
  /** The log ended before the run's own barrier. */
  | 'TIDEMARK_BATCH_NO_BARRIER'
  /** The quality gate refused the generation. */
  | 'TIDEMARK_BATCH_REJECTED'
  /** A generation that is not there, or no longer. */
  | 'TIDEMARK_BATCH_NO_GENERATION'
  /** Nothing is published yet. */
  | 'TIDEMARK_BATCH_NOTHING_PUBLISHED'
  /** The views know a generation, the catalog no run at all. */
  | 'TIDEMARK_BATCH_CATALOG_LOST'
  /** A definition that is served or kept up can't be removed. */
  | 'TIDEMARK_DEFINITION_IN_USE'
  /** There are no tables of the definition. */
  | 'TIDEMARK_DEFINITION_UNKNOWN'
  /** Views can't be made anew while a speed layer writes them. */
  | 'TIDEMARK_REBUILD_WHILE_FOLDING';

export class BatchError extends TidemarkError {
  constructor(code: BatchErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}
