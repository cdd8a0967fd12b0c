import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../certificates.ts';
import { identify, isAlive } from '../process-identity.ts';
import { eventually } from '../testing/deadline.ts';
import { kafkaOfRun } from '../testing/index.ts';
import { type KafkaCluster, startKafka } from './start.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-secured-kafka-'));
const LOGIN = 'org.apache.kafka.common.security';

let certificates: Certificates;
let cluster: KafkaCluster;

const TOPIC = 'kept';

/** Appends through this listener, and answers how far the topic goes then. */
async function appendThrough(listener: string, config: Partial<KafkaConfig>): Promise<string | undefined> {
  const brokers = [...(cluster.listeners[listener] ?? cluster.brokers)];
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 2 }, ...config });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }] });
    await producer.send({ topic: TOPIC, messages: [{ value: listener }] });
    return (await admin.fetchTopicOffsets(TOPIC))[0]?.high;
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  }
}

describe.skipIf(kafkaOfRun() === null)('a Kafka of a test’s own', () => {
  beforeAll(async () => {
    certificates = makeCertificates(join(folder, 'certificates'));
    const { keyStore, password } = certificates;
    cluster = await startKafka({
      folder: join(folder, 'kafka'),
      temporary: true,
      listeners: { SASL: 'SASL_PLAINTEXT', TLS: 'SSL' },
      scramUsers: [{ name: 'scram-user', password: 'scram-secret' }],
      settings: {
        // A broker that was killed is waited for as long.
        'broker.session.timeout.ms': '4000',
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'listener.name.sasl.plain.sasl.jaas.config': `${LOGIN}.plain.PlainLoginModule required user_plain="plain-secret";`,
        'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
        'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
        'listener.name.tls.ssl.keystore.location': keyStore,
        'listener.name.tls.ssl.keystore.type': 'PKCS12',
        'listener.name.tls.ssl.keystore.password': password,
        'listener.name.tls.ssl.key.password': password,
      },
    });
  });

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
  });

  test('lets in who knows the password, by PLAIN and SCRAM, and who trusts its certificate, and nobody else', async () => {
    await appendThrough('PLAINTEXT', {});
    await appendThrough('SASL', { sasl: { mechanism: 'plain', username: 'plain', password: 'plain-secret' } });
    const [username, password] = ['scram-user', 'scram-secret'];
    await appendThrough('SASL', { sasl: { mechanism: 'scram-sha-256', username, password } });
    await appendThrough('SASL', { sasl: { mechanism: 'scram-sha-512', username, password } });
    await appendThrough('TLS', { ssl: { ca: [certificates.certificate] } });
    const wrong = { mechanism: 'scram-sha-256', username, password: 'wrong' } as const;
    await expect(appendThrough('SASL', { sasl: wrong })).rejects.toThrow();
    await expect(appendThrough('TLS', { ssl: true })).rejects.toThrow();
  });

  test('keeps its records and its ports when it is killed and started again', async () => {
    const before = await appendThrough('PLAINTEXT', {});
    const { brokers, pids } = cluster;
    await cluster.kill(1);
    expect(cluster.pids).toEqual([]);
    await cluster.start(1);
    expect(cluster.pids).not.toEqual(pids);
    expect(cluster.brokers).toEqual(brokers);
    expect(await appendThrough('PLAINTEXT', {})).toBe(String(Number(before) + 1));
  });

  test('answers nothing while it is paused, and again when it is resumed', async () => {
    const [node] = cluster.nodes;
    cluster.pause(1);
    await expect(node?.check()).rejects.toThrow('in time');
    cluster.resume(1);
    // The controller took it for dead meanwhile, and lets it in again.
    await eventually('it answers', 60_000, async () => (await node?.check().catch(() => null)) === undefined || null);
  });

  test('leaves no process and no folder when it is stopped, paused or not', async () => {
    const running = cluster.pids.flatMap((pid) => identify(pid) ?? []);
    expect(running).toHaveLength(1);
    cluster.pause(1);
    await cluster.stop();
    expect(running.filter(isAlive)).toEqual([]);
    expect(existsSync(cluster.folder)).toBe(false);
  });
});
