import { TidemarkError } from '@tidemark/contracts';

export type IngestErrorCode =
  /** A source, field or mapping that can't be used. */
  | 'TIDEMARK_INGEST_MAPPING'
  /** The right side of a `--map` is not an expression that is allowed, or does not fit the file. */
  | 'TIDEMARK_INGEST_EXPRESSION'
  /** The file can't be read as what it is said to be. */
  | 'TIDEMARK_INGEST_FILE'
  /** A column's dates may be read in two ways. */
  | 'TIDEMARK_INGEST_AMBIGUOUS_DATE'
  /** A time zone that is not known. */
  | 'TIDEMARK_INGEST_TIMEZONE';

/** What ingest raises on purpose: none of it is worth another try before something was changed. */
export class IngestError extends TidemarkError {
  declare readonly code: IngestErrorCode;

  constructor(code: IngestErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
  }
}
