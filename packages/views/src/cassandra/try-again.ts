import { policies, type types } from 'cassandra-driver';

/** Tries of a write after its first, each of which a node waits for as long as it is set to (2 s by default). */
const MORE_WRITES = 2;

/** Tries of a read after its first (5 s by default, 2 s of a serial one): somebody waits for the answer. */
const MORE_READS = 1;

/**
 * The driver's own policy, but for what timed out: that it gives up at once. All of ours may be repeated, and to ask a node
 * that is busy for a moment once more costs it far less than what a caller who was refused asks again. What compares and
 * sets has another policy.
 */
export class TryAgain extends policies.retry.RetryPolicy {
  override onWriteTimeout(
    { nbRetry }: policies.retry.OperationInfo,
    consistency: types.consistencies,
  ): policies.retry.DecisionInfo {
    return nbRetry < MORE_WRITES ? this.retryResult(consistency) : this.rethrowResult();
  }

  override onReadTimeout(
    { nbRetry }: policies.retry.OperationInfo,
    consistency: types.consistencies,
  ): policies.retry.DecisionInfo {
    return nbRetry < MORE_READS ? this.retryResult(consistency) : this.rethrowResult();
  }
}
