import { TidemarkError } from '@tidemark/contracts';

export type EmbeddedPostgresErrorCode =
  /** Another live process runs the server of this folder. */
  | 'TIDEMARK_POSTGRES_IN_USE'
  /** There are no server binaries for this platform. */
  | 'TIDEMARK_POSTGRES_NO_BINARIES'
  /** The caller is root, and neither a user namespace nor another user can be had. */
  | 'TIDEMARK_POSTGRES_ROOT'
  /** The server did not start; the message ends with the tail of its log. */
  | 'TIDEMARK_POSTGRES_START_FAILED'
  /** The folder holds something that is not ours, or of another version. */
  | 'TIDEMARK_POSTGRES_FOLDER';

/** What goes wrong around running a PostgreSQL server of our own. */
export class EmbeddedPostgresError extends TidemarkError {
  constructor(
    code: EmbeddedPostgresErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean } = {},
  ) {
    super(code, message, options);
  }
}
