import { describe, expect, it } from 'vitest';
import { runHistory } from './history.ts';
import { REGRESSIONS } from './regressions.ts';
import { holdSeeds, seedsOf } from './seeds.ts';

describe('histories that once broke the law', () => {
  it.each(REGRESSIONS)('$was', async (scenario) => {
    expect((await runHistory(scenario)).failure).toBeNull();
  });
});

it('the seed decides everything', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const once = await runHistory({ seed });
    expect((await runHistory({ seed })).trace).toBe(once.trace);
    expect((await runHistory({ seed: seed + 100 })).trace).not.toBe(once.trace);
  }
});

/** Of each kind of mishap, in each layer, some must have come about. */
const MOMENTS: readonly RegExp[] = [
  /^batch log\.append a barrier: killed/,
  /^batch log\.append a barrier: answer lost/,
  /^batch lake\.put .*: killed/,
  /^batch catalog\..*: killed before/,
  /^batch catalog\..*: killed after/,
  /^batch views\..*: killed/,
  /^batch cassandra .*: killed/,
  /^speed views\.write.*: killed/,
  /^speed cassandra insert .*: killed/,
  /^speed .*: answer lost/,
  /^speed .*: late/,
  /^speed .*: repeated/,
  /: refused$/,
  /^arrives hint insert delta/,
  /^arrives log\.append/,
  /^run ended: published/,
  /^run ended: kept/,
  /^rollback ended/,
  /^resume ended/,
  /^import ended/,
  /^file import ended/,
  /^speed stands still/,
  /^batch (views.deleteDeltas|cassandra delete delta): done/,
  /^batch (views.deleteBatch|cassandra delete batch): done/,
  /^reader: an older generation/,
  /^reader: TIDEMARK_API_GENERATION_GONE/,
  /^export ended/,
  /^switch ended/,
  /^switch failed: TIDEMARK_DEFINITION_NOT_READY/,
  /^operator .*: killed/,
  /^back ended/,
  /^batch (store\.drop|cassandra drop delta): done/,
  /^filled anew/,
  /^log made anew/,
  /^speed failed: TIDEMARK_SPEED_OTHER_LOG/,
  /^run failed: TIDEMARK_BATCH_LOG_CHANGED/,
];

const { first, count, isWhole } = seedsOf(0);

it('every read of every history equals the law, and at quiet everything does', async () => {
  const moments = await holdSeeds(first, count);
  if (!isWhole) return;
  const seen = [...moments.keys()];
  expect(MOMENTS.filter((moment) => !seen.some((each) => moment.test(each)))).toEqual([]);
});
