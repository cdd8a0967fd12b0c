import { setTimeout as pause } from 'node:timers/promises';

export type CaughtUp = {
  /** Events a second from when the process said that it was ready. */
  readonly rate: number;
  /** From its start. */
  readonly whole: number;
};

const LOOK_MS = 25;
const STALLED_MS = 120_000;

/**
 * Waits until all events are taken in for good, and says how fast that went. Not from when the first were: who writes seldom
 * has done much of the work by then. `durable` answers how many are; it throws when they stay the same for two minutes.
 */
export async function catchUpRate(
  durable: () => Promise<number>,
  events: number,
  { startedAt, readyAt }: { readonly startedAt: number; readonly readyAt: number },
): Promise<CaughtUp> {
  for (let last = { count: 0, at: readyAt }; ; ) {
    const now = { count: await durable(), at: performance.now() };
    const since = (ms: number): number => (events / (now.at - ms)) * 1000;
    if (now.count >= events) return { rate: since(readyAt), whole: since(startedAt) };
    if (now.count > last.count) last = now;
    else if (now.at - last.at > STALLED_MS)
      throw new Error(`${now.count} of ${events} events were taken in, and no more`);
    await pause(LOOK_MS);
  }
}
