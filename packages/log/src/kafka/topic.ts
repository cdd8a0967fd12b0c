import { LogError } from '../error.ts';
import type { Cluster } from './cluster.ts';
import { readBounds } from './offsets.ts';
import { createPartitions, createTopic, deleteRecords } from './requests/topic.ts';
import type { TopicSettings } from './url.ts';
import { isProtocolError, ProtocolError } from './wire/protocol-error.ts';
import type { Request } from './wire/request.ts';

const DEFAULT_PARTITIONS = 4;
/** A record of the limit and a batch's own bytes around it. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;
const OPEN_WITHIN_MS = 5_000;
const SETTLE_WITHIN_MS = 15_000;
const HOUR_MS = 3_600_000;

/** Makes the topic when it is not there; several processes may do so at once. Answers its id. */
export async function ensureTopic(cluster: Cluster, settings: TopicSettings): Promise<string> {
  const found = await cluster.persist(OPEN_WITHIN_MS, () => cluster.refresh());
  if (found.topicError !== 0) {
    await makeTopic(cluster, settings, found.brokers.size);
    await settled(cluster, 1);
  }
  const { topicId } = await cluster.persist(SETTLE_WITHIN_MS, () => cluster.topology(Number.POSITIVE_INFINITY));
  cluster.bind(topicId);
  return topicId;
}

/**
 * Nothing is forgotten by age or size unless that was asked for: Tidemark itself truncates what is landed and folded, and a
 * log that ran full is loud, while one that forgot events before they were landed has lost them. An append outlives the
 * loss of a broker; only a replica that has everything may lead. Times are the brokers', since the clocks of clients are
 * not to be trusted.
 */
async function makeTopic(cluster: Cluster, settings: TopicSettings, brokers: number): Promise<void> {
  const replication = settings.replication ?? (brokers >= 3 ? 3 : 1);
  const config = {
    'cleanup.policy': 'delete',
    'retention.ms': String(settings.retentionHours === null ? -1 : settings.retentionHours * HOUR_MS),
    'retention.bytes': '-1',
    'min.insync.replicas': String(settings.minIsr ?? Math.max(1, replication - 1)),
    'unclean.leader.election.enable': 'false',
    'max.message.bytes': String(MAX_MESSAGE_BYTES),
    'message.timestamp.type': 'LogAppendTime',
    'compression.type': 'producer',
  };
  const partitions = settings.partitions ?? DEFAULT_PARTITIONS;
  try {
    await command(cluster, createTopic({ name: cluster.topic, partitions, replication, config }));
  } catch (error) {
    if (!isProtocolError(error, 'TOPIC_ALREADY_EXISTS')) throw error;
  }
}

/** Raises the number of partitions to `wanted`; never lowers it. */
export async function growTopic(cluster: Cluster, wanted: number): Promise<void> {
  if ((await cluster.topology(0)).leaders.size >= wanted) return;
  try {
    await command(cluster, createPartitions(cluster.topic, wanted));
  } catch (error) {
    // Somebody else may have grown it as far meanwhile.
    if ((await cluster.topology(0)).leaders.size < wanted) throw error;
  }
  await settled(cluster, wanted);
}

/** Forgets what lies below `before`; never goes back, never beyond the end. */
export async function truncatePartition(cluster: Cluster, partition: number, before: bigint): Promise<void> {
  await cluster.persist(SETTLE_WITHIN_MS, async () => {
    if (!(await cluster.topology(0)).leaders.has(partition)) {
      throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${cluster.topic} has no partition ${partition}.`);
    }
    const bounds = (await readBounds(cluster, [partition])).get(partition);
    if (bounds === undefined || before <= bounds.start) return;
    const to = before < bounds.end ? before : bounds.end;
    await cluster.send(await cluster.leaderOf(partition), 'main', deleteRecords(cluster.topic, partition, to));
  });
}

/** Waits until there are so many partitions and each has a leader. */
const settled = (cluster: Cluster, partitions: number): Promise<void> =>
  cluster.persist(SETTLE_WITHIN_MS, async () => {
    const leaders = [...(await cluster.topology(0)).leaders.values()];
    if (leaders.length < partitions || leaders.some((leader) => leader < 0)) {
      throw new ProtocolError(5, `The topic ${cluster.topic}`);
    }
  });

/** An order about topics, for the controller. */
const command = (cluster: Cluster, request: Request<void>): Promise<void> =>
  cluster.persist(SETTLE_WITHIN_MS, async () => {
    const { controller } = await cluster.metadata();
    await cluster.send(controller, 'main', request);
  });
