import { define } from '@tidemark/metrics';
import { manualClock } from '@tidemark/runtime';
import type { Position } from '@tidemark/views';
import { expect, it } from 'vitest';
import { waitPastCut } from './passed-cut.ts';

const CUT = new Map([
  [0, 10n],
  [3, 7n],
]);

const position = (offset: bigint): Position => ({
  offset,
  epoch: 2,
  previousEpoch: 1,
  fingerprint: 'f',
  logId: 'l',
});

/** A speed layer that is one look further on each time, while the clock goes on by so much. */
function folding(looks: readonly (readonly [bigint, bigint])[], members: number, stepMs: number) {
  const clock = manualClock(1_000);
  let look = 0;
  const views = {
    positions: async () => {
      clock.advance(look === 0 ? 0 : stepMs);
      const [zero, three] = looks[Math.min(look++, looks.length - 1)] ?? [0n, 0n];
      return new Map([
        [0, position(zero)],
        [3, position(three)],
      ]);
    },
  };
  return {
    context: { views, clock, log: { members: async () => members }, definition: define('USD') },
    looks: () => look,
  };
}

it('goes on as soon as every partition has passed its own barrier', async () => {
  const { context, looks } = folding(
    [
      [9n, 7n],
      [10n, 6n],
      [10n, 7n],
    ],
    1,
    1_000,
  );
  expect(await waitPastCut(context, CUT, 60_000)).toBeNull();
  expect(looks()).toBe(3);
});

it('gives up when its patience is over by the clock it was given, and names who is behind', async () => {
  const { context, looks } = folding([[12n, 6n]], 1, 20_000);
  expect(await waitPastCut(context, CUT, 60_000)).toBe(
    'after 60 s the speed layer has not passed the cut in partition 3',
  );
  expect(looks()).toBe(4);
});

it('does not wait for a speed layer that does not run, but takes what it left', async () => {
  const idle = folding([[9n, 9n]], 0, 0);
  expect(await waitPastCut(idle.context, CUT, 60_000)).toBe('no speed layer folds the log');
  expect(idle.looks()).toBe(1);
  expect(await waitPastCut(folding([[10n, 7n]], 0, 0).context, CUT, 60_000)).toBeNull();
});
