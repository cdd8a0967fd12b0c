import type { Pool, PoolClient } from '@tidemark/postgres';
import { CatalogError } from './error.ts';

const LOCK = "hashtextextended('tidemark_catalog cut', 0)";
const STATEMENT_TIMEOUT = '57014';

const isTimeout = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === STATEMENT_TIMEOUT;

/** What freezes a cut and what an import's number needs: one holder among all processes. */
export type CutLock = { hold<T>(fn: (client: PoolClient) => Promise<T>): Promise<T> };

/**
 * The lock is of a session and not of a transaction: its holder may write files meanwhile. It goes with the connection,
 * so a killed holder keeps nobody waiting.
 */
export function createCutLock(pool: Pool): CutLock {
  // One waiter a process: more could take all connections of the pool, and the holder needs one to go on.
  let last: Promise<unknown> = Promise.resolve();

  const lock = async (client: PoolClient): Promise<void> => {
    try {
      await client.query(`SELECT pg_advisory_lock(${LOCK})`);
    } catch (cause) {
      if (!isTimeout(cause)) throw cause;
      throw new CatalogError('TIDEMARK_CATALOG_BUSY', 'A run or an import holds the cut for long. Try again later.', {
        cause,
        retryable: true,
      });
    }
  };

  const unlock = async (client: PoolClient): Promise<void> => {
    try {
      await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
    } catch (cause) {
      throw new CatalogError(
        'TIDEMARK_CATALOG_LOCK_LOST',
        'The connection that held the cut broke, and others may have had it meanwhile. Run it again.',
        { cause, retryable: true },
      );
    }
  };

  const holdNow = async <T>(fn: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let isClean = false;
    try {
      await lock(client);
      const result = await fn(client);
      await unlock(client);
      isClean = true;
      return result;
    } finally {
      // Closing the connection frees the lock whatever happened, and rolls back what was open.
      client.release(!isClean);
    }
  };

  return {
    hold: (fn) => {
      const mine = last.then(() => holdNow(fn));
      last = mine.catch(() => {});
      return mine;
    },
  };
}
