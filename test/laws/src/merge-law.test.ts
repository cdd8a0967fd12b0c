import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { it } from 'vitest';
import { holdMergeLaw } from './histories.ts';
import { onPostgres } from './world.ts';

it('the batch view of a generation and the deltas after its cut count every accepted event exactly once', async () => {
  await holdMergeLaw(30, async () => {
    const { url, drop } = await freshDatabase();
    return { ...onPostgres(url), drop };
  });
});
