import { TidemarkError } from '@tidemark/contracts';

export type LogErrorCode =
  /** Retention has run past the offset asked for: records are lost to this reader. */
  | 'TIDEMARK_LOG_GAP'
  /** The offset asked for is beyond the end: the log was truncated, restored, or is another one. */
  | 'TIDEMARK_LOG_SHRUNK'
  /** A record over the limit of 1 MiB. Nothing of its append was written. */
  | 'TIDEMARK_LOG_RECORD_TOO_LARGE'
  /** A header name that not every log can keep. Nothing of its append was written. */
  | 'TIDEMARK_LOG_BAD_HEADER'
  /** A partition that the topic does not have. */
  | 'TIDEMARK_LOG_NO_PARTITION'
  /** A topic name that can't be a table's name, or the like. */
  | 'TIDEMARK_LOG_BAD_TOPIC'
  /** The topic is compacted: it forgets all but the newest record of a key. */
  | 'TIDEMARK_LOG_COMPACTED'
  /** A URL that names no event log. */
  | 'TIDEMARK_LOG_URL'
  /** The log refuses its caller or what was asked, or its certificate can't be trusted. */
  | 'TIDEMARK_LOG_ACCESS'
  /** The topic was deleted, or deleted and made again, while it was open. */
  | 'TIDEMARK_LOG_REPLACED'
  /** The disk under the log is full. Nothing of the statement was written. */
  | 'TIDEMARK_LOG_FULL'
  /** The log can't be reached now. An append that ends so may or may not have been written. */
  | 'TIDEMARK_LOG_UNAVAILABLE';

const RETRYABLE: ReadonlySet<LogErrorCode> = new Set(['TIDEMARK_LOG_UNAVAILABLE', 'TIDEMARK_LOG_FULL']);

/** What an event log raises on purpose. `retryable`: an outage, or a disk that somebody may free. */
export class LogError extends TidemarkError {
  declare readonly code: LogErrorCode;

  constructor(code: LogErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, retryable: RETRYABLE.has(code) });
  }
}
