/**
 * The base of every error Tidemark raises on purpose. `code` is stable and documented, the message says what to do,
 * `retryable` tells an outage (try again) from a fact (stop).
 */
export class TidemarkError extends Error {
  readonly code: `TIDEMARK_${string}`;
  readonly retryable: boolean;

  constructor(code: `TIDEMARK_${string}`, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
