import { TidemarkError } from '@tidemark/contracts';

export type ViewsErrorCode =
  /** The store can't be reached or has no room or time for the request just now; the one code that is retryable. */
  | 'TIDEMARK_VIEWS_UNAVAILABLE'
  /** A URL that names no view store. */
  | 'TIDEMARK_VIEWS_URL'
  /** The store does not let the user in, or not do what is asked. */
  | 'TIDEMARK_VIEWS_DENIED'
  /** A value that the column's type doesn't have; nothing was written. */
  | 'TIDEMARK_VIEWS_VALUE'
  /** An id or columns that no tables can be made of, or other columns than the definition's tables have. */
  | 'TIDEMARK_VIEWS_DEFINITION'
  /** The definition's tables are gone: it was dropped while in use. */
  | 'TIDEMARK_VIEWS_GONE'
  /** Another generation than the diff's base is live. */
  | 'TIDEMARK_POINTER_BASE'
  /** Publishing is paused. */
  | 'TIDEMARK_POINTER_PAUSED'
  /** A higher number began already; run again. */
  | 'TIDEMARK_POINTER_SUPERSEDED'
  /** A cut that lacks something its base covers. */
  | 'TIDEMARK_POINTER_CUT'
  /** A generation below the floor, or a floor that would fall or pass the live generation. */
  | 'TIDEMARK_POINTER_FLOOR'
  /** Another definition than the two that a switch is between can still be gone back to. */
  | 'TIDEMARK_SERVING_KEPT'
  /** There is no definition to go back to, or its time is over. */
  | 'TIDEMARK_SERVING_NO_WAY_BACK';

export class ViewsError extends TidemarkError {
  declare readonly code: ViewsErrorCode;

  constructor(code: ViewsErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, retryable: code === 'TIDEMARK_VIEWS_UNAVAILABLE' });
  }
}
