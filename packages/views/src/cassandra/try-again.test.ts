import { types } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { TryAgain } from './try-again.ts';

const policy = new TryAgain();

test.each([
  ['write', policy.onWriteTimeout, [0, 1]],
  ['read', policy.onReadTimeout, [0]],
] as const)('a %s that timed out is tried again, and then it is an outage', (_, onTimeout, expected) => {
  const info = { query: '', executionOptions: { isIdempotent: () => true } };
  const tries: number[] = [];
  for (let nbRetry = 0; nbRetry < 10; nbRetry++) {
    // The driver's types want all of an operation, of which only the number of tries counts.
    const decision = Reflect.apply(onTimeout, policy, [{ ...info, nbRetry }, types.consistencies.localQuorum]);
    if (decision.decision === policy.rethrowResult().decision) break;
    tries.push(nbRetry);
  }
  expect(tries).toEqual(expected);
});
