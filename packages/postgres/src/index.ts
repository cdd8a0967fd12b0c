export type { Pool, PoolClient } from 'pg';
export { type BinaryFields, selectBinary } from './binary-rows.ts';
export { PostgresError, type PostgresErrorCode } from './error.ts';
export { quoteIdentifier } from './identifier.ts';
export { type Listener, type ListenerOptions, openListener } from './listener.ts';
export { isOutage } from './outage.ts';
export { openPool, type PoolOptions } from './pool.ts';
export { withTransaction } from './transaction.ts';
