import { vi } from 'vitest';

/** Looks again until the check holds; a busy machine has a minute. */
export const until = (check: () => void | Promise<void>, timeout = 50_000): Promise<void> =>
  vi.waitFor(check, { timeout, interval: 20 });
