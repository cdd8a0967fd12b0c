export type { Pool, PoolClient } from 'pg';
export { createDatabase, databaseUrl, dropDatabase } from './database.ts';
export { startOf as processStart } from './embedded/process.ts';
export {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  findEmbeddedPostgres,
  startEmbeddedPostgres,
} from './embedded/server.ts';
export { PostgresError, type PostgresErrorCode } from './error.ts';
export { quoteIdentifier } from './identifier.ts';
export { type Listener, type ListenerOptions, openListener } from './listener.ts';
export { isOutage } from './outage.ts';
export { openPool, type PoolOptions } from './pool.ts';
export { withTransaction } from './transaction.ts';
