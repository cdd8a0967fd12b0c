import { TidemarkError } from '@tidemark/contracts';
import { isOutage } from '@tidemark/postgres';
import { ApiProblem } from './problem.ts';

/** What the catalog answers; an outage of it is a 503. Its queries fail with the driver's own errors. */
export async function fromCatalog<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    if (isOutage(cause) || (cause instanceof TidemarkError && cause.retryable)) {
      throw new ApiProblem('TIDEMARK_API_UNAVAILABLE', 'The catalog does not answer right now.', { cause });
    }
    throw cause;
  }
}
