import pg from 'pg';
import { PostgresError } from './error.ts';
import { wireTypes } from './wire-types.ts';

export type PoolOptions = {
  /** Shown in `pg_stat_activity`: which part of the system a connection belongs to. */
  readonly applicationName: string;
  /** Connections at most. Default 8. */
  readonly max?: number;
  /** The server ends a statement that takes longer. Default 30 s; 0 means no limit. */
  readonly statementTimeoutMs?: number;
  /** How long to wait for a connection, a free one of the pool too. Default 10 s. */
  readonly connectionTimeoutMs?: number;
  /** The server ends a session that pauses longer inside a transaction, so that its locks can't stay. Default 60 s. */
  readonly idleInTransactionTimeoutMs?: number;
  /**
   * For statements by key alone, which take less time than their planning: each is planned once, whatever is bound to it (left
   * to itself the server plans one with an array anew each time), and by an index however small the table is then. Default false.
   */
  readonly byKey?: boolean;
  /** Told of a connection that broke while nobody used it. The pool has already replaced it. */
  readonly onIdleError?: (error: Error) => void;
};

/** A plan that was made while a table was empty outlives that: it must not read the whole of it. */
const BY_KEY = ['plan_cache_mode=force_generic_plan', 'enable_seqscan=off'];

/** What a connection of ours is set up with, in the pool and out of it. */
export function connectionConfig(url: string, options: PoolOptions): pg.ClientConfig {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    // The URL holds a password, so the message does not repeat it.
    throw new PostgresError(
      'TIDEMARK_POSTGRES_URL',
      'Not a PostgreSQL URL. Write it as postgres://user:password@host:port/database.',
    );
  }
  const statementTimeoutMs = options.statementTimeoutMs ?? 30_000;
  return {
    connectionString: url,
    application_name: options.applicationName,
    // Text forms of timestamps must not depend on the server's or the role's zone.
    options: ['timezone=UTC', ...(options.byKey ? BY_KEY : [])].map((setting) => `-c ${setting}`).join(' '),
    statement_timeout: statementTimeoutMs,
    // Ours, for a server that can't even say so. A little later, so that the server speaks first.
    ...(statementTimeoutMs > 0 ? { query_timeout: statementTimeoutMs + 5_000 } : {}),
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 60_000,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 10_000,
    keepAlive: true,
    types: wireTypes,
  };
}

/**
 * A pool whose values are those of `wireTypes`, in sessions of UTC. It connects at first use. A connection that breaks
 * is an error of the query that uses it, never of the process.
 */
export function openPool(url: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(url, options),
    max: options.max ?? 8,
    // An idle pool must not keep a program from ending.
    allowExitOnIdle: true,
  });
  pool.on('error', (error) => options.onIdleError?.(error));
  // The pool listens to idle clients only: one that breaks between two queries of a transaction would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
