import type { Scenario } from './history.ts';

/** Histories that once broke the law, with what was wrong. They run before all others. */
export const REGRESSIONS: readonly (Scenario & { readonly was: string })[] = [
  {
    was: 'in Cassandra a slow read showed a new partition without its epoch 0',
    seed: 119,
    steps: 299,
    without: ['kills', 'outages', 'lostAnswers', 'late', 'repeats', 'jumps', 'lostLocks', 'retention'],
  },
  {
    was: 'a run that had lost its right published its generation again after it was gone back from',
    seed: 3_000_260,
    steps: 981,
    without: ['retention'],
  },
  {
    was: 'a run left out a partition that a run of another definition had a barrier in',
    seed: 198,
    steps: 600,
  },
];
