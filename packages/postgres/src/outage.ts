/** SQLSTATE classes and codes that speak of the server's state, not of the statement. */
const OUTAGE_STATES = /^(08|57P0[1-5]$|53300$|55P03$|25P03$)/;
const OUTAGE_ERRNOS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** What `pg` says without a code of its own when a connection breaks or none is had in time. */
const OUTAGE_MESSAGES =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Whether an error means that the server can't be asked just now, so that asking again later makes sense. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (OUTAGE_STATES.test(code) || OUTAGE_ERRNOS.has(code) || OUTAGE_MESSAGES.test(error.message)) return true;
  // Several addresses tried, none answered.
  return error instanceof AggregateError && error.errors.length > 0 && error.errors.every(isOutage);
}
