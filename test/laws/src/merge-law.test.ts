import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { it } from 'vitest';
import { holdMergeLaw } from './histories.ts';
import { onPostgres } from './world.ts';

/** Each takes a good second of both cores; where nobody waits there are more. */
const HISTORIES = process.env.CI ? 200 : 100;

it('the batch view of a generation and the deltas after its cut count every accepted event exactly once', async () => {
  await holdMergeLaw(HISTORIES, async () => {
    const { url, drop } = await freshDatabase();
    return { ...onPostgres(url), drop };
  });
});
