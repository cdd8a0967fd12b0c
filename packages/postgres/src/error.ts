import { TidemarkError } from '@tidemark/contracts';

export type PostgresErrorCode =
  /** A connection string that is not one. */
  'TIDEMARK_POSTGRES_URL';

/** What goes wrong around PostgreSQL itself. Errors of a query stay `pg`'s own, with their SQLSTATE. */
export class PostgresError extends TidemarkError {
  constructor(code: PostgresErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}
