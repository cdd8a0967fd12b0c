import { TidemarkError } from '@tidemark/contracts';
import { expect, it, vi } from 'vitest';
import { ridingOut } from './fold-store.ts';

const outage = () => new TidemarkError('TIDEMARK_VIEWS_UNAVAILABLE', 'down', { retryable: true });

it('rides out an outage of any length', async () => {
  let tries = 0;
  const work = async () => {
    tries += 1;
    if (tries < 12) throw outage();
    return tries;
  };
  vi.useFakeTimers();
  try {
    const done = ridingOut(work, {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await done).toBe(12);
  } finally {
    vi.useRealTimers();
  }
});

it('fails at once with what no waiting changes', async () => {
  const defect = new Error('a defect');
  await expect(ridingOut(() => Promise.reject(defect), {})).rejects.toBe(defect);
});

it('gives up when it is told to', async () => {
  const stop = new AbortController();
  const done = ridingOut(() => Promise.reject(outage()), { signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(done).rejects.toThrow('stopped');
});
