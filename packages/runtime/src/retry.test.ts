import { TidemarkError } from '@tidemark/contracts';
import { expect, test } from 'vitest';
import { retry } from './retry.ts';

const outage = () => new TidemarkError('TIDEMARK_TEST_OUTAGE', 'down', { retryable: true });
const fast = { initialDelayMs: 1, maxDelayMs: 2 };

test('an outage is tried again until it is over', async () => {
  let tries = 0;
  const seen: number[] = [];
  const result = await retry(
    async () => {
      tries += 1;
      if (tries < 4) throw outage();
      return 'up';
    },
    { ...fast, onRetry: ({ attempt }) => seen.push(attempt) },
  );
  expect(result).toBe('up');
  expect(seen).toEqual([1, 2, 3]);
});

test('it gives up after the given number of tries with the error itself', async () => {
  let tries = 0;
  const last = outage();
  const run = retry(
    async () => {
      tries += 1;
      throw last;
    },
    { ...fast, attempts: 3 },
  );
  await expect(run).rejects.toBe(last);
  expect(tries).toBe(3);
});

test.each([new TidemarkError('TIDEMARK_TEST_FACT', 'no'), new Error('a bug')])(
  '%s is not tried again',
  async (error) => {
    let tries = 0;
    const run = retry(async () => {
      tries += 1;
      throw error;
    }, fast);
    await expect(run).rejects.toBe(error);
    expect(tries).toBe(1);
  },
);

test('an abort ends the waiting at once, and nothing is tried afterwards', async () => {
  const stop = new AbortController();
  let tries = 0;
  const run = retry(
    async () => {
      tries += 1;
      throw outage();
    },
    {
      initialDelayMs: 60_000,
      maxDelayMs: 60_000,
      signal: stop.signal,
      onRetry: () => stop.abort(new Error('stopped')),
    },
  );
  await expect(run).rejects.toThrow('stopped');
  expect(tries).toBe(1);
  await expect(retry(async () => 1, { signal: stop.signal })).rejects.toThrow('stopped');
});
