import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 50;

/** Asks again until there is an answer; throws when there is none within the time. */
export async function eventually<T>(
  what: string,
  withinMs: number,
  ask: () => Promise<T | null> | T | null,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(EVERY_MS);
  }
}
