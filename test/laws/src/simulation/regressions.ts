import type { Scenario } from './history.ts';

/** Histories that once broke the law, with what was wrong. They run before all others. */
export const REGRESSIONS: readonly (Scenario & { readonly was: string })[] = [
  {
    was: 'in Cassandra a slow read showed a new partition without its epoch 0',
    seed: 94,
    steps: 448,
    without: ['lostLocks', 'retention', 'switches', 'exports', 'files', 'remade'],
  },
  {
    was: 'a run that had lost its right published its generation again after it was gone back from',
    seed: 1_047,
    steps: 796,
    without: ['lostLocks', 'retention', 'exports', 'files'],
  },
  {
    was: 'a run left out a partition that a run of another definition had a barrier in',
    seed: 173,
    steps: 1_129,
    without: ['retention', 'switches', 'files', 'remade'],
  },
];
