import type { ISocketFactory } from 'kafkajs';
import socketFactory from 'kafkajs/src/network/socketFactory.js';
import type { Consumer, EventLog } from '../port.ts';
import { Appender } from './appender.ts';
import { Cluster } from './cluster.ts';
import { loadCodecs } from './codecs.ts';
import { startConsumer } from './consumer.ts';
import { readBounds } from './offsets.ts';
import { toLogError } from './outage.ts';
import { Producer } from './producer.ts';
import { createReader } from './reader.ts';
import { ensureTopic, growTopic, truncatePartition } from './topic.ts';
import { parseKafkaUrl } from './url.ts';

export type KafkaLogOptions = {
  /** How many partitions the topic is made with, if it is not there and the URL does not say. Default 4. */
  readonly partitions?: number;
  /** After how long without a heartbeat a group member counts as dead. Default 6 s, the least a broker allows unasked. */
  readonly sessionMs?: number;
  /** Default 1 s: also how soon a member hears that partitions are shared anew, or that the topic grew. */
  readonly heartbeatMs?: number;
  /** What a handler gets in one call, at most. Default 1,000 records. */
  readonly maxBatchRecords?: number;
  /** How long an append is tried before it fails. Default 30 s. */
  readonly deliverWithinMs?: number;
  /** How the brokers see this process: in their logs and quotas. Default `tidemark`. */
  readonly clientId?: string;
  /** For those who reach the brokers by other ways than the addresses they give, such as a tunnel. */
  readonly socketFactory?: ISocketFactory;
};

/** How long an outage may last before a question is answered by `TIDEMARK_LOG_UNAVAILABLE`. */
const OUTAGE_MS = 3_000;
/** How old the number of partitions may be when their bounds are asked for. */
const PARTITIONS_AGE_MS = 1_000;

async function reached<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw toLogError(error);
  }
}

/**
 * The event log in Apache Kafka, 3.1 or newer: see `parseKafkaUrl` for what the URL may say. Makes the topic when it is not
 * there. Any number of processes may have it open. A topic that is deleted, or made again, while it is open is found at the
 * next read or append: `TIDEMARK_LOG_REPLACED`; only `identity` goes on, and answers the new one.
 */
export async function openKafkaLog(url: string, options: KafkaLogOptions = {}): Promise<EventLog> {
  const { sessionMs = 6_000, heartbeatMs = 1_000, maxBatchRecords = 1_000 } = options;
  const { brokers, topic, sasl, tls, compression, topicSettings } = parseKafkaUrl(url);
  const codecs = await loadCodecs();
  const cluster = new Cluster(brokers, topic, {
    clientId: options.clientId ?? 'tidemark',
    sasl,
    tls,
    socketFactory: options.socketFactory ?? socketFactory(),
  });
  const asked = options.partitions === undefined ? {} : { partitions: options.partitions };
  const topicId = await reached(ensureTopic(cluster, { ...asked, ...topicSettings })).catch((error: unknown) => {
    cluster.close();
    throw error;
  });
  const reader = createReader(cluster, topicId, codecs);
  const appender = new Appender(cluster, new Producer(cluster, compression, codecs, options.deliverWithinMs));
  const consumers = new Set<Consumer>();

  const partitions = async (maxAgeMs: number): Promise<readonly number[]> => [
    ...(await cluster.topology(maxAgeMs)).leaders.keys(),
  ];

  return {
    identity: () =>
      reached(
        cluster.persist(OUTAGE_MS, async () => {
          const now = await cluster.refresh();
          return `${now.clusterId}/${now.topicId}`;
        }),
      ),
    partitions: () => reached(cluster.persist(OUTAGE_MS, () => partitions(0))),
    append: (records) => reached(appender.append(records)),
    bounds: () =>
      reached(cluster.persist(OUTAGE_MS, async () => readBounds(cluster, await partitions(PARTITIONS_AGE_MS)))),
    read: (partition, from, readOptions) => reached(reader.read(partition, from, readOptions)),
    consume: async (group, handler) => {
      const consumer = startConsumer({ cluster, group, reader, handler, sessionMs, heartbeatMs, maxBatchRecords });
      consumers.add(consumer);
      return consumer;
    },
    members: async () => 0,
    grow: (wanted) => reached(growTopic(cluster, wanted)),
    truncate: (partition, before) => reached(truncatePartition(cluster, partition, before)),
    close: async () => {
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      await appender.idle();
      cluster.close();
    },
  };
}
