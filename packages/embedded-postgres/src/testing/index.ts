export { type FreshDatabase, freshDatabase } from './fresh-database.ts';
export { testDatabase } from './test-database.ts';
