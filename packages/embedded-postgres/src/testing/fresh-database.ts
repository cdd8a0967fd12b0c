import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { createDatabase, dropDatabase } from '../database.ts';
import type {} from './provided.ts';

export type FreshDatabase = {
  readonly url: string;
  /** Drops it, whoever is still connected. Not needed for cleanliness: the server goes with the run. */
  drop(): Promise<void>;
};

/** A new, empty database on the test run's server. The vitest configuration must be given `postgresServer`. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server: string | undefined = inject('tidemarkPostgresUrl');
  if (server === undefined) {
    throw new Error('Tests with PostgreSQL need the server of the run: `shared(postgresServer)` in vitest.config.mjs.');
  }
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = await createDatabase(server, name);
  return { url, drop: () => dropDatabase(server, name) };
}
