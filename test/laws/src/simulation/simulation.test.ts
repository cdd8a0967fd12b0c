import { expect, it } from 'vitest';
import { runHistory } from './history.ts';

/** `TIDEMARK_SEED=n` runs that history alone. */
const only = process.env.TIDEMARK_SEED;
const FIRST = only ? Number(only) : 1;
const HISTORIES = only ? 1 : Number(process.env.TIDEMARK_HISTORIES ?? 60);

it('every read of every history equals the law, and at quiet everything does', async () => {
  for (let seed = FIRST; seed < FIRST + HISTORIES; seed++) {
    const { failure } = await runHistory({ seed });
    if (failure) throw new Error(`seed ${seed} breaks the law`, { cause: failure });
  }
});

it('the seed decides everything', async () => {
  const [once, again] = [await runHistory({ seed: FIRST }), await runHistory({ seed: FIRST })];
  expect(again.trace).toBe(once.trace);
});
