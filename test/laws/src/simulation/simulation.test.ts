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

/** Calls in which a process of each layer was killed, and what else went wrong: some of each must have come about. */
const MOMENTS: readonly RegExp[] = [
  /^batch log\.append a barrier: killed/,
  /^batch log\.append a barrier: answer lost/,
  /^batch log\.append a barrier: (late|killed, and late)/,
  /^batch log\.append a barrier: repeated/,
  /^batch lake\.put events: killed/,
  /^batch lake\.put manifest\/events: killed/,
  /^batch lake\.put manifest\/rows: killed/,
  /^batch lake\.put manifest\/imports: killed/,
  /^batch lake\.put manifest\/segments: killed/,
  /^batch lake\.remove rows: killed/,
  /^batch lake\.put snapshots: killed/,
  /^batch catalog\.beginRun: killed/,
  /^batch catalog\.markBegan: killed/,
  /^batch catalog\.markPublished: killed/,
  /^batch (views\.writeBatch|cassandra insert batch): killed/,
  /^batch (views\.writeBatch|cassandra insert batch): (late|killed, and late)/,
  /^batch views\.compareAndSetPointer: killed before/,
  /^batch views\.compareAndSetPointer: killed after/,
  /^batch views\.compareAndSetPointer: answer lost/,
  /^batch cassandra transaction live_pointer: killed before/,
  /^batch cassandra transaction live_pointer: (late|killed, and late)/,
  /^batch views\.deleteBatch: killed/,
  /^batch views\.deleteDeltas: killed/,
  /^batch cassandra delete delta: killed/,
  /^batch cassandra delete touched: killed/,
  /^batch log\.truncate: killed/,
  /^speed views\.writeTouched: killed/,
  /^speed views\.writeDeltas: killed/,
  /^speed views\.writeDeltas: (late|killed, and late)/,
  /^speed views\.writeDeadLetters: killed/,
  /^speed views\.writePosition: killed/,
  /^speed cassandra insert delta: killed/,
  /^speed cassandra insert delta: (late|killed, and late)/,
  /^speed cassandra insert position: killed/,
  /^arrives hint insert delta/,
  /^arrives hint delete delta/,
  /^arrives log\.append$/,
  /^run ended: published/,
  /^run ended: kept/,
  /^rollback ended/,
  /^resume ended/,
  /^import ended/,
];

const { first, count, isWhole } = seedsOf(0);

it('every read of every history equals the law, and at quiet everything does', async () => {
  const moments = await holdSeeds(first, count);
  if (!isWhole) return;
  const seen = [...moments.keys()];
  expect(MOMENTS.filter((moment) => !seen.some((each) => moment.test(each)))).toEqual([]);
});
