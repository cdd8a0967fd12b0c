import { openPool, type PoolClient } from '@tidemark/postgres';

/** The right to run a batch. Held by a connection of its own, so it goes when the holder is killed. */
export type RunLock = {
  isHeld(): boolean;
  /** Aborted when the lock is lost: the run must stop writing. Publishing is fenced by compare-and-set all the same. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
};

/** Takes the lock if nobody has it; null when another process runs. */
export async function acquireRunLock(url: string): Promise<RunLock | null> {
  const pool = openPool(url, { applicationName: 'tidemark run lock', max: 1 });
  const client = await pool.connect().catch(async (error: unknown) => {
    await pool.end();
    throw error;
  });
  const lost = new AbortController();
  // `pg` raises it for every end of a connection that we did not ask for.
  client.on('error', () => lost.abort());
  // The pool waits for what was taken from it, a broken connection too.
  const close = async () => {
    client.release(true);
    await pool.end();
  };
  const isTaken = await take(client).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  if (!isTaken) {
    await close();
    return null;
  }
  const unlock = async () => {
    // The server may notice the connection's end only later: whoever comes next must not find the lock still taken.
    if (!lost.signal.aborted) await client.query('SELECT pg_advisory_unlock_all()').catch(() => lost.abort());
    await close();
  };
  let closing: Promise<void> | null = null;
  return {
    isHeld: () => closing === null && !lost.signal.aborted,
    lost: lost.signal,
    release: () => {
      closing ??= unlock();
      return closing;
    },
  };
}

async function take(client: PoolClient): Promise<boolean> {
  // A holder whose machine is gone must not keep the lock for the two hours of the system's default.
  await client.query('SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3');
  const { rows } = await client.query<{ taken: boolean }>(
    "SELECT pg_try_advisory_lock(hashtextextended('tidemark_catalog run', 0)) AS taken",
  );
  return rows[0]?.taken === true;
}
