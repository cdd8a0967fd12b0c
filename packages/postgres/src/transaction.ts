import type pg from 'pg';

/**
 * Runs `fn` in one transaction of one connection, at READ COMMITTED. Commits when it resolves, rolls back when it
 * rejects, and passes its error on. An error of the commit itself leaves open whether it was done.
 */
export async function withTransaction<T>(pool: pg.Pool, fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await fn(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((cause: unknown) => {
      broken = cause instanceof Error ? cause : new Error(String(cause));
    });
    throw error;
  } finally {
    // A connection that can't even roll back is thrown away, not given to the next.
    client.release(broken);
  }
}
