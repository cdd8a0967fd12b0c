import kafkajs, { type Admin } from 'kafkajs';
import { LogError } from '../error.ts';
import type { Bounds } from '../port.ts';
import type { Brokers } from './brokers.ts';
import { brokerError, persist } from './outage.ts';
import type { TopicSettings } from './url.ts';

const DEFAULT_PARTITIONS = 4;
/** A record of the limit and a batch's own bytes around it. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;
const OPEN_WITHIN_MS = 3_000;
const SETTLE_WITHIN_MS = 15_000;
const HOUR_MS = 3_600_000;

/** The topic as a whole, by kafkajs's admin client. */
export type Topic = {
  bounds(): Promise<ReadonlyMap<number, Bounds>>;
  /** Raises the number of partitions to `wanted`; never lowers it. */
  grow(wanted: number): Promise<void>;
  /** Forgets what lies below `before`; never goes back, never beyond the end. */
  truncate(partition: number, before: bigint): Promise<void>;
};

/** Makes the topic when it is not there; several processes may do so at once. */
export async function openTopic(admin: Admin, brokers: Brokers, settings: TopicSettings): Promise<Topic> {
  const { topic } = brokers;
  await persist(OPEN_WITHIN_MS, () => admin.connect());
  await persist(SETTLE_WITHIN_MS, async () => {
    if (!(await admin.listTopics()).includes(topic)) await makeTopic(admin, topic, settings);
  });
  await persist(SETTLE_WITHIN_MS, () => brokers.bind());
  await persist(SETTLE_WITHIN_MS, () => refuseCompacted(admin, topic));

  const bounds = async (): Promise<ReadonlyMap<number, Bounds>> => {
    await brokers.topology(0);
    const offsets = await admin.fetchTopicOffsets(topic);
    const ordered = offsets.sort((a, b) => a.partition - b.partition);
    return new Map(
      ordered.map(({ partition, low, high }) => {
        // The end is asked first: by now the start may have passed it.
        const [start, end] = [BigInt(low), BigInt(high)];
        return [partition, { start, end: end > start ? end : start }];
      }),
    );
  };

  return {
    bounds,
    grow: async (wanted) => {
      if ((await brokers.topology(0)).leaders.size >= wanted) return;
      try {
        await admin.createPartitions({ topicPartitions: [{ topic, count: wanted }] });
      } catch (error) {
        // Somebody else may have grown it as far meanwhile.
        if ((await brokers.topology(0)).leaders.size < wanted) throw error;
      }
      await persist(SETTLE_WITHIN_MS, async () => {
        while ((await brokers.topology(0)).leaders.size < wanted);
      });
    },
    truncate: async (partition, before) => {
      const { start, end } = (await bounds()).get(partition) ?? {};
      if (start === undefined || end === undefined) {
        throw new LogError('TIDEMARK_LOG_NO_PARTITION', `The topic ${topic} has no partition ${partition}.`);
      }
      // Kafka's word for the end, wherever that is by now.
      const offset = before < end ? String(before) : '-1';
      if (before > start) await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset }] });
    },
  };
}

/**
 * A topic that somebody else made may be compacted, and would forget an order as soon as its customer placed another:
 * offsets may have gaps, so nobody could tell. A user who may not ask how topics are set answers for it himself.
 */
async function refuseCompacted(admin: Admin, topic: string): Promise<void> {
  const asked = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] };
  try {
    const { resources } = await admin.describeConfigs({ resources: [asked], includeSynonyms: false });
    if (!resources.some(({ configEntries }) => configEntries.some((entry) => /compact/.test(entry.configValue))))
      return;
  } catch (error) {
    if (brokerError(error) === 'TOPIC_AUTHORIZATION_FAILED') return;
    throw error;
  }
  throw new LogError(
    'TIDEMARK_LOG_COMPACTED',
    `The topic ${topic} is compacted and forgets events. Set its cleanup.policy to delete; what it forgot already is gone.`,
  );
}

/**
 * Nothing is forgotten by age or size unless that was asked for: Tidemark itself truncates what is landed and folded, and a
 * log that ran full is loud, while one that forgot events before they were landed has lost them. An append outlives the
 * loss of a broker; only a replica that has everything may lead. Times are the brokers', since the clocks of clients are
 * not to be trusted.
 */
async function makeTopic(admin: Admin, topic: string, settings: TopicSettings): Promise<void> {
  const { brokers } = await admin.describeCluster();
  const replication = settings.replication ?? (brokers.length >= 3 ? 3 : 1);
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
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const numPartitions = settings.partitions ?? DEFAULT_PARTITIONS;
  try {
    const wanted = { topic, numPartitions, replicationFactor: replication, configEntries };
    await admin.createTopics({ topics: [wanted], waitForLeaders: false });
  } catch (error) {
    if (brokerError(error) !== 'TOPIC_ALREADY_EXISTS') throw error;
  }
}
