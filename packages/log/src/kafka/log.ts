import type { ISocketFactory } from 'kafkajs';
import type { Consumer, EventLog } from '../port.ts';
import { Appender } from './appender.ts';
import { Brokers } from './brokers.ts';
import { Client, type ClientSettings, dial } from './client.ts';
import { registerCodecs } from './codecs.ts';
import { startConsumer } from './consumer.ts';
import { persist, toLogError } from './outage.ts';
import { createSend } from './producer.ts';
import { createReader } from './reader.ts';
import { openTopic } from './topic.ts';
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
const DELIVER_WITHIN_MS = 30_000;
const RETRIES = 3;

async function reached<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw toLogError(error);
  }
}

/**
 * The event log in Apache Kafka, 3.1 or newer, by kafkajs: see `parseKafkaUrl` for what the URL may say. Makes the topic when
 * it is not there. Any number of processes may have it open. A topic that is deleted, or made again, while it is open is found
 * at the next read or append: `TIDEMARK_LOG_REPLACED`; only `identity` goes on, and answers the new one.
 */
export async function openKafkaLog(url: string, options: KafkaLogOptions = {}): Promise<EventLog> {
  const { sessionMs = 6_000, heartbeatMs = 1_000, maxBatchRecords = 1_000 } = options;
  const { topic: name, compression, topicSettings, ...rest } = parseKafkaUrl(url);
  const settings: ClientSettings = {
    ...rest,
    clientId: options.clientId ?? 'tidemark',
    socketFactory: options.socketFactory ?? dial,
  };
  await registerCodecs();
  const client = new Client(settings, RETRIES);
  const admin = client.admin();
  const brokers = new Brokers(name, settings);
  const consumers = new Set<Consumer>();
  const asked = options.partitions === undefined ? {} : { partitions: options.partitions };
  const closeAdmin = async (): Promise<void> => {
    brokers.close();
    client.close();
    await admin.disconnect();
  };
  const topic = await reached(openTopic(admin, brokers, { ...asked, ...topicSettings })).catch(
    async (error: unknown) => {
      await closeAdmin();
      throw error;
    },
  );
  const openReader = () => createReader(brokers, topic.bounds);
  const reader = openReader();
  const withinMs = options.deliverWithinMs ?? DELIVER_WITHIN_MS;
  const producing = createSend({ topic: name, settings, compression, withinMs });
  const appender = new Appender(brokers, producing.send, withinMs);

  // Kafka's groups belong to all topics: two systems on one Kafka must not share theirs.
  const groupId = (group: string): string => `${group}-${name}`;

  return {
    identity: () => persist(OUTAGE_MS, () => brokers.identity()),
    partitions: () => persist(OUTAGE_MS, async () => [...(await brokers.topology(0)).leaders.keys()]),
    append: (records) => reached(appender.append(records)),
    bounds: () => persist(OUTAGE_MS, topic.bounds),
    read: (partition, from, readOptions) => reached(reader.read(partition, from, readOptions)),
    consume: async (group, handler) => {
      const session = { sessionMs, heartbeatMs, maxBatchRecords };
      const membership = { topic: name, settings, group: groupId(group), checkTopic: () => brokers.topology(0) };
      const consumer = startConsumer({ ...membership, openReader, handler, ...session });
      consumers.add(consumer);
      return consumer;
    },
    members: (group) =>
      persist(OUTAGE_MS, async () => {
        const { groups } = await admin.describeGroups([groupId(group)]);
        return groups[0]?.members.length ?? 0;
      }),
    grow: (wanted) => persist(OUTAGE_MS, () => topic.grow(wanted)),
    truncate: (partition, before) => persist(OUTAGE_MS, () => topic.truncate(partition, before)),
    close: async () => {
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      await appender.idle();
      producing.close();
      await closeAdmin();
    },
  };
}
