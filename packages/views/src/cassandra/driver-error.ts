import { errors, types } from 'cassandra-driver';
import { ViewsError } from '../error.ts';

const { responseErrorCodes: codes } = types;

/** The server could not do it now: too few replicas, too slow, too busy, or a failure of its own. */
const OUTAGES: ReadonlySet<number> = new Set([
  codes.serverError,
  codes.unavailableException,
  codes.overloaded,
  codes.isBootstrapping,
  codes.truncateError,
  codes.writeTimeout,
  codes.readTimeout,
  codes.readFailure,
  codes.writeFailure,
  codes.unprepared,
  // CAS_WRITE_UNKNOWN of protocol 5, which the driver has no name for.
  0x1700,
]);

const NO_TABLE = /unconfigured table|table .+ does not exist|keyspace .+ does not exist/i;

/** Whether the statement was lost by every node: dropped tables take their prepared statements with them. */
export function isUnprepared(error: unknown): boolean {
  return error instanceof errors.ResponseError
    ? error.code === codes.unprepared
    : innerErrors(error).some(isUnprepared);
}

export const gone = (cause: unknown): ViewsError =>
  new ViewsError('TIDEMARK_VIEWS_GONE', 'The tables of this definition are gone: it was dropped.', { cause });

/**
 * An error of the driver as one of ours. What is neither an outage nor a fact that a caller must know of comes back as it
 * was: a defect.
 */
export function asViewsError(cause: unknown): unknown {
  if (cause instanceof ViewsError) return cause;
  const known = [cause, ...innerErrors(cause)].map(fact).find((found) => found !== null);
  if (known) return known;
  if (cause instanceof errors.ResponseError && !OUTAGES.has(cause.code)) return cause;
  if (cause instanceof errors.ArgumentError || cause instanceof TypeError) return cause;
  // What the server did not say itself is a connection that can't be made, broke, or got no answer in time.
  return new ViewsError(
    'TIDEMARK_VIEWS_UNAVAILABLE',
    `The views in Cassandra can't be used right now: ${reason(cause)}`,
    {
      cause,
    },
  );
}

/** What no waiting changes, wherever in the error it is said. */
function fact(cause: unknown): ViewsError | null {
  if (cause instanceof errors.AuthenticationError)
    return new ViewsError('TIDEMARK_VIEWS_DENIED', `Cassandra refuses the user: ${reason(cause)}`, { cause });
  if (cause instanceof errors.ArgumentError && /^Datacenter .+ was not found/.test(cause.message))
    return new ViewsError(
      'TIDEMARK_VIEWS_URL',
      `The cassandra: URL names a data centre that is not there: ${cause.message}`,
      {
        cause,
      },
    );
  if (!(cause instanceof errors.ResponseError)) return null;
  if (cause.code === codes.badCredentials || cause.code === codes.unauthorized)
    return new ViewsError('TIDEMARK_VIEWS_DENIED', `Cassandra refuses the user: ${reason(cause)}`, { cause });
  return cause.code === codes.invalid && NO_TABLE.test(cause.message) ? gone(cause) : null;
}

/** What each host answered, when none was of use. */
function innerErrors(error: unknown): readonly unknown[] {
  return error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors ?? {}) : [];
}

/** One line: the driver puts whole stacks of other errors into its messages. */
function reason(cause: unknown): string {
  const inner = innerErrors(cause)[0] ?? cause;
  const [line = ''] = (inner instanceof Error ? inner.message : String(inner)).split('\n');
  return line;
}
