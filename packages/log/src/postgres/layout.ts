import { type Pool, quoteIdentifier, withTransaction } from '@tidemark/postgres';
import { LogError } from '../error.ts';

/** NOTIFY goes here; the payload says of which topic and what (see wakeups.ts). */
export const CHANNEL = 'tidemark_log';

/** What is common to all topics of a database. The comments are for the reader in psql (`\d+ tidemark_log.*`). */
const COMMON = `
CREATE SCHEMA IF NOT EXISTS tidemark_log;

CREATE TABLE IF NOT EXISTS tidemark_log.topics (
  topic text PRIMARY KEY,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN tidemark_log.topics.id IS 'Another one when the topic is deleted and made again';

CREATE TABLE IF NOT EXISTS tidemark_log.partitions (
  topic text NOT NULL REFERENCES tidemark_log.topics,
  partition int NOT NULL,
  start_offset bigint NOT NULL DEFAULT 0,
  next_offset bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition),
  CHECK (0 <= start_offset AND start_offset <= next_offset)
) WITH (fillfactor = 10);
COMMENT ON TABLE tidemark_log.partitions IS 'An append locks its rows, in ascending order, until it commits: offsets have no gaps';
COMMENT ON COLUMN tidemark_log.partitions.start_offset IS 'Records below are forgotten';
COMMENT ON COLUMN tidemark_log.partitions.next_offset IS 'Offset of the next record';

CREATE TABLE IF NOT EXISTS tidemark_log.members (
  topic text NOT NULL,
  consumer_group text NOT NULL,
  member uuid NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (topic, consumer_group, member)
);
COMMENT ON COLUMN tidemark_log.members.expires_at IS 'Put forward by each heartbeat; a member past it is dead to the others';

CREATE TABLE IF NOT EXISTS tidemark_log.leases (
  topic text NOT NULL,
  consumer_group text NOT NULL,
  partition int NOT NULL,
  member uuid,
  PRIMARY KEY (topic, consumer_group, partition)
);
COMMENT ON COLUMN tidemark_log.leases.member IS 'Who reads the partition for the group; null: nobody just now';
`;

/** The records of one topic have a table of their own, so that it can be read, sized and dropped by itself. */
const recordsTable = (table: string): string => `
CREATE TABLE IF NOT EXISTS ${table} (
  partition int NOT NULL,
  record_offset bigint NOT NULL,
  appended_at timestamptz NOT NULL DEFAULT now(),
  key bytea,
  value bytea,
  headers jsonb,
  PRIMARY KEY (partition, record_offset)
);
COMMENT ON COLUMN ${table}.headers IS 'Name to hex of the bytes; null: no headers';
`;

export type Topic = { readonly name: string; readonly id: string; readonly table: string };

/** Makes what is missing, and the topic with its first partitions if absent. Several processes may do so at once. */
export async function ensureTopic(pool: Pool, name: string, partitions: number): Promise<Topic> {
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(name)) {
    throw new LogError('TIDEMARK_LOG_BAD_TOPIC', `"${name}" can't be a topic: use a to z, 0 to 9 and _, at most 51.`);
  }
  if (!Number.isInteger(partitions) || partitions < 1) {
    throw new LogError('TIDEMARK_LOG_BAD_TOPIC', 'A topic has at least one partition.');
  }
  const table = `tidemark_log.${quoteIdentifier(`records_${name}`)}`;
  return withTransaction(pool, async (client) => {
    // IF NOT EXISTS alone does not keep two that start at once from colliding in the system catalogue.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('tidemark_log layout', 0))");
    await client.query(COMMON);
    await client.query(recordsTable(table));
    const made = await client.query<{ topic: string }>(
      'INSERT INTO tidemark_log.topics (topic) VALUES ($1) ON CONFLICT DO NOTHING RETURNING topic',
      [name],
    );
    if (made.rowCount === 1) await addPartitions(client, name, partitions);
    const { rows } = await client.query<{ id: string }>('SELECT id FROM tidemark_log.topics WHERE topic = $1', [name]);
    const id = rows[0]?.id;
    if (id === undefined)
      throw new LogError('TIDEMARK_LOG_UNAVAILABLE', `The topic ${name} was deleted while it was opened.`);
    return { name, id, table };
  });
}

/** Adds the partitions up to `partitions` in number that are not there. */
export async function addPartitions(pool: Pick<Pool, 'query'>, topic: string, partitions: number): Promise<void> {
  await pool.query(
    `INSERT INTO tidemark_log.partitions (topic, partition)
     SELECT $1, n FROM generate_series(0, $2 - 1) AS n ON CONFLICT DO NOTHING`,
    [topic, partitions],
  );
}
