import { isOutage, openPool } from '@tidemark/postgres';
import { LogError } from '../error.ts';
import type { Bounds, Consumer, EventLog } from '../port.ts';
import { createAppender } from './append.ts';
import { startConsumer } from './consumer.ts';
import { addPartitions, ensureTopic } from './layout.ts';
import { createMembership } from './membership.ts';
import { createReader } from './read.ts';
import { openWakeups } from './wakeups.ts';

export type PostgresLogOptions = {
  /** Default `customer_events`. */
  readonly topic?: string;
  /** How many partitions the topic is made with, if it is not there. Default 4. */
  readonly partitions?: number;
  /** After how long without a heartbeat a group member counts as dead. Default 5 s. */
  readonly leaseMs?: number;
  /** What a handler gets in one call, at most. Default 1,000 records. */
  readonly maxBatchRecords?: number;
  /** Connections at most, besides the one that listens. Default 8. */
  readonly maxConnections?: number;
  /** Shown in `pg_stat_activity`. Default `tidemark log`. */
  readonly applicationName?: string;
};

const DELETE_RECORDS = 10_000;

const DISK_FULL = '53100';

/** Errors of the server's state become the log's own, which say that trying again makes sense. */
async function reached<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === DISK_FULL) {
      throw new LogError(
        'TIDEMARK_LOG_FULL',
        "The disk of the log's PostgreSQL is full. Free some space, then go on.",
        {
          cause,
        },
      );
    }
    if (!isOutage(cause)) throw cause;
    throw new LogError('TIDEMARK_LOG_UNAVAILABLE', "The log's PostgreSQL can't be reached just now.", { cause });
  }
}

/**
 * The event log in PostgreSQL: `tidemark_log.partitions` gives the offsets, without gaps, `tidemark_log.records_<topic>`
 * holds the records. Makes what is missing. Any number of processes may have the same topic open.
 */
export async function openPostgresLog(url: string, options: PostgresLogOptions = {}): Promise<EventLog> {
  const { topic: name = 'customer_events', leaseMs = 5_000, maxBatchRecords = 1_000 } = options;
  const applicationName = options.applicationName ?? 'tidemark log';
  const pool = openPool(url, {
    applicationName,
    max: options.maxConnections ?? 8,
    // A member that is stopped in the middle of a heartbeat holds the group's lock: not for longer than its lease.
    idleInTransactionTimeoutMs: leaseMs,
  });
  const topic = await reached(ensureTopic(pool, name, options.partitions ?? 4)).catch(async (error: unknown) => {
    await pool.end();
    throw error;
  });
  const wakeups = openWakeups(url, pool, name, applicationName);
  const reader = createReader(pool, topic, wakeups);
  const consumers = new Set<Consumer>();

  const partitions = async (): Promise<readonly number[]> => {
    const { rows } = await pool.query<{ partition: number }>(
      'SELECT partition FROM tidemark_log.partitions WHERE topic = $1 ORDER BY partition',
      [name],
    );
    return rows.map((row) => row.partition);
  };

  const known = { partitions: (await reached(partitions())).length };
  const appender = createAppender(pool, topic, known, (appended) =>
    wakeups.announce(appended.map((partition) => `partition ${partition}` as const)),
  );

  const bounds = async (): Promise<ReadonlyMap<number, Bounds>> => {
    const { rows } = await pool.query<{ partition: number; start_offset: bigint; next_offset: bigint }>(
      'SELECT partition, start_offset, next_offset FROM tidemark_log.partitions WHERE topic = $1 ORDER BY partition',
      [name],
    );
    return new Map(rows.map((row) => [row.partition, { start: row.start_offset, end: row.next_offset }]));
  };

  const truncate = async (partition: number, before: bigint): Promise<void> => {
    const { rows } = await pool.query<{ start_offset: bigint }>(
      `UPDATE tidemark_log.partitions SET start_offset = greatest(start_offset, least($3::bigint, next_offset))
       WHERE topic = $1 AND partition = $2 RETURNING start_offset`,
      [name, partition, before],
    );
    const start = rows[0]?.start_offset;
    if (start === undefined) {
      throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${name} has no partition ${partition}.`);
    }
    // Nobody reads them any more. In small pieces, so that no statement is long; what a crash leaves the next call takes.
    for (;;) {
      const deleted = await pool.query(
        `DELETE FROM ${topic.table} WHERE partition = $1 AND record_offset IN (
           SELECT record_offset FROM ${topic.table} WHERE partition = $1 AND record_offset < $2 ORDER BY record_offset LIMIT $3)`,
        [partition, start, DELETE_RECORDS],
      );
      if ((deleted.rowCount ?? 0) < DELETE_RECORDS) return;
    }
  };

  const grow = async (wanted: number): Promise<void> => {
    await addPartitions(pool, name, wanted);
    known.partitions = (await partitions()).length;
  };

  return {
    identity: async () => {
      // Asked anew: the topic may have been deleted and made again since.
      const { rows } = await reached(
        pool.query<{ id: string }>('SELECT id FROM tidemark_log.topics WHERE topic = $1', [name]),
      );
      return rows[0]?.id ?? topic.id;
    },
    partitions: () => reached(partitions()),
    append: (records) => reached(appender.append(records)),
    bounds: () => reached(bounds()),
    read: (partition, from, readOptions) => reached(reader.read(partition, from, readOptions)),
    consume: async (group, handler) => {
      const onShared = () => wakeups.announce([`group ${group}`]);
      const membership = createMembership(pool, name, group, leaseMs, onShared);
      const consumer = startConsumer({ group, membership, reader, wakeups, handler, leaseMs, maxBatchRecords });
      consumers.add(consumer);
      return consumer;
    },
    members: async (group) => {
      const { rows } = await reached(
        pool.query<{ members: bigint }>(
          `SELECT count(*) AS members FROM tidemark_log.members
           WHERE topic = $1 AND consumer_group = $2 AND expires_at > clock_timestamp()`,
          [name, group],
        ),
      );
      return Number(rows[0]?.members ?? 0);
    },
    grow: (wanted) => reached(grow(wanted)),
    truncate: (partition, before) => reached(truncate(partition, before)),
    close: async () => {
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      await wakeups.close();
      await pool.end();
    },
  };
}
