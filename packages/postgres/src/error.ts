import { TidemarkError } from '@tidemark/contracts';

export type PostgresErrorCode =
  /** Another live process runs the server of this folder. */
  | 'TIDEMARK_POSTGRES_IN_USE'
  /** There are no server binaries for this platform. */
  | 'TIDEMARK_POSTGRES_NO_BINARIES'
  /** The caller is root, and neither a user namespace nor another user can be had. */
  | 'TIDEMARK_POSTGRES_ROOT'
  /** The server did not start; the message ends with the tail of its log. */
  | 'TIDEMARK_POSTGRES_START_FAILED'
  /** The folder holds something that is not ours, or of another version. */
  | 'TIDEMARK_POSTGRES_FOLDER'
  /** A connection string that is not one. */
  | 'TIDEMARK_POSTGRES_URL';

/** What goes wrong around PostgreSQL itself. Errors of a query stay `pg`'s own, with their SQLSTATE. */
export class PostgresError extends TidemarkError {
  constructor(code: PostgresErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}
