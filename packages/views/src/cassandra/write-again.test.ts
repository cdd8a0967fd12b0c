import { types } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { WriteAgain } from './write-again.ts';

test('a write that timed out is tried twice more, and then it is an outage', () => {
  const policy = new WriteAgain();
  const info = { query: '', executionOptions: { isIdempotent: () => true } };
  const tries: number[] = [];
  for (let nbRetry = 0; nbRetry < 10; nbRetry++) {
    // The driver's types want all of an operation, of which only the number of tries counts.
    const decision = Reflect.apply(policy.onWriteTimeout, policy, [
      { ...info, nbRetry },
      types.consistencies.localQuorum,
    ]);
    if (decision.decision === policy.rethrowResult().decision) break;
    tries.push(nbRetry);
  }
  expect(tries).toEqual([0, 1]);
});
