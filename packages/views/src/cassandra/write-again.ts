import { policies, type types } from 'cassandra-driver';

/** Tries of a write after its first, each of which a node waits for as long as it is set to (2 s by default). */
const MORE_TRIES = 2;

/**
 * The driver's own policy, but for writes that timed out: those it gives up at once. All of ours may be repeated, and to
 * write one batch again costs a node that is busy for a moment far less than the thousand rows that its caller would write
 * again. What compares and sets has another policy.
 */
export class WriteAgain extends policies.retry.RetryPolicy {
  override onWriteTimeout(
    { nbRetry }: policies.retry.OperationInfo,
    consistency: types.consistencies,
  ): policies.retry.DecisionInfo {
    return nbRetry < MORE_TRIES ? this.retryResult(consistency) : this.rethrowResult();
  }
}
