import { afterAll, beforeAll } from 'vitest';
import { type FreshDatabase, freshDatabase } from './fresh-database.ts';

/**
 * A database for the suite that calls it, made before its tests and dropped after them. `url` is called inside tests
 * and hooks only.
 */
export function testDatabase(): { url(): string } {
  let database: FreshDatabase | undefined;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(async () => {
    await database?.drop();
  });
  return {
    url: () => {
      if (database === undefined) throw new Error('The test database is there only while tests run.');
      return database.url;
    },
  };
}
