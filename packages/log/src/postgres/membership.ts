import { randomUUID } from 'node:crypto';
import { type Pool, type PoolClient, withTransaction } from '@tidemark/postgres';
import { fairShare, type Holding } from '../fair-share.ts';

export type Assignment = {
  /** Partitions of this member, those to give back included. */
  readonly held: ReadonlySet<number>;
  readonly giveBack: readonly number[];
};

/** One member of a consumer group, as the database sees it. All times are the database's own clock. */
export type Membership = {
  /**
   * Says 'I live' for another lease, buries members that did not, and takes this member's share of what is free. With
   * `take: false` nothing new is taken.
   */
  beat(options: { take: boolean }): Promise<Assignment>;
  giveBack(partition: number): Promise<void>;
  leave(): Promise<void>;
};

export function createMembership(
  pool: Pool,
  topic: string,
  group: string,
  leaseMs: number,
  onShared: () => void,
): Membership {
  const member = randomUUID();
  const here = [topic, group] as const;

  /** One at a time for each group: shares are computed from what all others see. */
  const exclusively = <T>(fn: (client: PoolClient) => Promise<T>): Promise<T> =>
    withTransaction(pool, async (client) => {
      await client.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('tidemark_log group ' || $1 || ' ' || $2, 0))",
        [...here],
      );
      return fn(client);
    });

  const bury = async (client: PoolClient): Promise<void> => {
    await client.query(
      'DELETE FROM tidemark_log.members WHERE topic = $1 AND consumer_group = $2 AND expires_at < clock_timestamp()',
      [...here],
    );
    await client.query(
      `UPDATE tidemark_log.leases l SET member = NULL
       WHERE l.topic = $1 AND l.consumer_group = $2 AND l.member IS NOT NULL AND NOT EXISTS (
         SELECT FROM tidemark_log.members m
         WHERE m.topic = l.topic AND m.consumer_group = l.consumer_group AND m.member = l.member)`,
      [...here],
    );
  };

  return {
    beat: async ({ take }) => {
      const { assignment, joined } = await exclusively(async (client) => {
        const { rows } = await client.query<{ joined: boolean }>(
          `INSERT INTO tidemark_log.members AS m (topic, consumer_group, member, expires_at)
           VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond')
           ON CONFLICT (topic, consumer_group, member) DO UPDATE SET expires_at = EXCLUDED.expires_at
           RETURNING m.xmax = 0 AS joined`,
          [...here, member, leaseMs],
        );
        await bury(client);
        await client.query(
          `INSERT INTO tidemark_log.leases (topic, consumer_group, partition)
           SELECT $1, $2, partition FROM tidemark_log.partitions WHERE topic = $1 ON CONFLICT DO NOTHING`,
          [...here],
        );
        const members = await client.query<{ member: string }>(
          'SELECT member FROM tidemark_log.members WHERE topic = $1 AND consumer_group = $2 ORDER BY joined_at, member',
          [...here],
        );
        const holdings = await client.query<Holding>(
          'SELECT partition, member FROM tidemark_log.leases WHERE topic = $1 AND consumer_group = $2 ORDER BY partition',
          [...here],
        );
        const order = members.rows.map((row) => row.member);
        const share = fairShare(order, holdings.rows, member);
        const taken = take ? share.take : [];
        await client.query(
          `UPDATE tidemark_log.leases SET member = $3
           WHERE topic = $1 AND consumer_group = $2 AND partition = ANY ($4::int[])`,
          [...here, member, taken],
        );
        const held = holdings.rows.filter((row) => row.member === member).map((row) => row.partition);
        return {
          assignment: { held: new Set([...held, ...taken]), giveBack: share.giveBack },
          joined: rows[0]?.joined === true,
        };
      });
      if (joined) onShared();
      return assignment;
    },
    giveBack: async (partition) => {
      await pool.query(
        `UPDATE tidemark_log.leases SET member = NULL
         WHERE topic = $1 AND consumer_group = $2 AND partition = $3 AND member = $4`,
        [...here, partition, member],
      );
      onShared();
    },
    leave: async () => {
      await exclusively(async (client) => {
        await client.query(
          'DELETE FROM tidemark_log.members WHERE topic = $1 AND consumer_group = $2 AND member = $3',
          [...here, member],
        );
        await bury(client);
      });
      onShared();
    },
  };
}
