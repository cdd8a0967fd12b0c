import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

/** When a request was due, by the wall clock, and how long after that its answer was there. */
export type Answer = { readonly dueAtMs: number; readonly tookMs: number };

/** More connections than a server that keeps up needs. */
const CONNECTIONS = 64;

/**
 * Requests at a steady rate, until the time is over or the signal comes, whether or not those before are answered. What
 * waits for a busy server counts from when it was due: a server that stands still can't hide it by being asked less.
 */
export async function askSteadily(
  url: string,
  pathOf: (n: number) => string,
  { perSecond, forMs, signal }: { readonly perSecond: number; readonly forMs: number; readonly signal?: AbortSignal },
): Promise<readonly Answer[]> {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  const answers: Promise<Answer>[] = [];
  const began = performance.now();
  const ask = async (n: number): Promise<Answer> => {
    const due = began + (n / perSecond) * 1000;
    const { statusCode, body } = await pool.request({ method: 'GET', path: pathOf(n) });
    await body.dump();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    return { dueAtMs: performance.timeOrigin + due, tookMs: performance.now() - due };
  };
  try {
    while (!signal?.aborted && performance.now() - began < forMs) {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
      while (answers.length <= due) answers.push(ask(answers.length));
      await pause(1);
    }
    return await Promise.all(answers);
  } finally {
    await Promise.allSettled(answers);
    await pool.close();
  }
}
