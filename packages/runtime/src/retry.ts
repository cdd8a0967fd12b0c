import { TidemarkError } from '@tidemark/contracts';
import { ExponentialBackoff, handleWhen, retry as retryPolicy } from 'cockatiel';

export type RetryOptions = {
  readonly signal?: AbortSignal;
  /** Tries in all, the first included. */
  readonly attempts?: number;
  readonly initialDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Told before each wait; `attempt` counts the tries that failed. */
  readonly onRetry?: (failure: { readonly error: Error; readonly attempt: number; readonly delayMs: number }) => void;
};

/**
 * Runs `work` until it succeeds, fails with an error that is not `retryable`, or has been tried `attempts` times; its last
 * error is thrown as it is. Waits in between grow exponentially with decorrelated jitter. An abort ends the waiting at once
 * and rejects with the signal's reason; `work` gets the signal and ends itself.
 */
export async function retry<T>(work: (signal: AbortSignal) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const {
    attempts = 8,
    initialDelayMs = 50,
    maxDelayMs = 5000,
    onRetry,
    signal = new AbortController().signal,
  } = options;
  signal.throwIfAborted();
  const policy = retryPolicy(
    handleWhen((error) => error instanceof TidemarkError && error.retryable),
    {
      maxAttempts: attempts - 1,
      backoff: new ExponentialBackoff({ initialDelay: initialDelayMs, maxDelay: maxDelayMs }),
    },
  );
  if (onRetry !== undefined) {
    policy.onRetry((event) => {
      if ('error' in event) onRetry({ error: event.error, attempt: event.attempt, delayMs: event.delay });
    });
  }
  const running = policy.execute(async () => {
    signal.throwIfAborted();
    return await work(signal);
  }, signal);
  // Without a signal of the caller's there is nothing to be let go by.
  return await (options.signal ? orAborted(running, signal) : running);
}

/** The policy only looks at the signal between waits: the caller is let go at once. */
async function orAborted<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([running, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
