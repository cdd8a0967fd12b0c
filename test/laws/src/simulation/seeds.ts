import { runHistory } from './history.ts';
import { commandOf, shrink } from './shrink.ts';

/** Runs the histories of some seeds; the first that breaks the law is thrown, shrunk. Answers the moments that came about. */
export async function holdSeeds(first: number, count: number): Promise<ReadonlyMap<string, number>> {
  const moments = new Map<string, number>();
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await runHistory({ seed });
    for (const [moment, times] of outcome.moments) moments.set(moment, (moments.get(moment) ?? 0) + times);
    if (outcome.failure === null) continue;
    const smallest = await shrink({ seed });
    throw new Error(`seed ${seed} breaks the law; smaller: ${commandOf(smallest.scenario)}`, {
      cause: outcome.failure,
    });
  }
  return moments;
}

/** `TIDEMARK_SEED=n` runs that history alone, `TIDEMARK_HISTORIES=n` so many. */
export function seedsOf(lane: number): { readonly first: number; readonly count: number; readonly isWhole: boolean } {
  const { TIDEMARK_SEED: only, TIDEMARK_HISTORIES: some } = process.env;
  if (only) return { first: Number(only), count: lane === 0 ? 1 : 0, isWhole: false };
  const count = Math.ceil(Number(some ?? HISTORIES) / LANES);
  return { first: 1 + lane * LANE_SEEDS, count, isWhole: some === undefined };
}

/** Histories of a test run, in lanes that run side by side. */
const HISTORIES = 2_000;
const LANES = 2;
const LANE_SEEDS = 1_000_000;
