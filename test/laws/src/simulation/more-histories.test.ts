import { it } from 'vitest';
import { holdSeeds, seedsOf } from './seeds.ts';

it('so do those of other seeds', async () => {
  const { first, count } = seedsOf(1);
  await holdSeeds(first, count);
});
