import { setTimeout as pause } from 'node:timers/promises';

/** Asks again until the answer is not null; fails with what was waited for. */
export async function eventually<T>(
  what: string,
  withinMs: number,
  ask: () => T | null | Promise<T | null>,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(50);
  }
}
