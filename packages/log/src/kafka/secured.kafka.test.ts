import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KafkaCluster, makeCertificates, startKafka } from '@tidemark/infra-local';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { numbered } from '../testing/records.ts';
import { openKafkaLog } from './log.ts';
import { until } from './testing/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-log-secured-'));
const ca = join(folder, 'ca.pem');
const LOGIN = 'org.apache.kafka.common.security';
const PLAIN = `${LOGIN}.plain.PlainLoginModule required user_plain="plain:s@cret";`;
const SCRAM = `${LOGIN}.scram.ScramLoginModule required;`;

let cluster: KafkaCluster;

const urlOf = (listener: string, user: string, parameters: string): string =>
  `kafka://${user}${cluster.listeners[listener]?.join(',') ?? cluster.brokers.join(',')}/secured${parameters}`;

describe.skipIf(kafkaOfRun() === null)('with a Kafka that asks who is there', () => {
  beforeAll(async () => {
    const { keyStore, password, certificate } = makeCertificates(join(folder, 'certificates'));
    writeFileSync(ca, certificate);
    const listener = (name: string) => ({
      [`listener.name.${name}.plain.sasl.jaas.config`]: PLAIN,
      [`listener.name.${name}.scram-sha-256.sasl.jaas.config`]: SCRAM,
      [`listener.name.${name}.scram-sha-512.sasl.jaas.config`]: SCRAM,
    });
    const keys = (name: string) => ({
      [`listener.name.${name}.ssl.keystore.location`]: keyStore,
      [`listener.name.${name}.ssl.keystore.type`]: 'PKCS12',
      [`listener.name.${name}.ssl.keystore.password`]: password,
      [`listener.name.${name}.ssl.key.password`]: password,
    });
    cluster = await startKafka({
      folder: join(folder, 'kafka'),
      temporary: true,
      listeners: { SASL: 'SASL_PLAINTEXT', TLS: 'SSL', BOTH: 'SASL_SSL' },
      scramUsers: [{ name: 'scram', password: 'scram-secret' }],
      settings: {
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        ...listener('sasl'),
        ...listener('both'),
        ...keys('tls'),
        ...keys('both'),
      },
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['SASL', 'plain:plain%3As%40cret@', '?sasl=plain'],
    ['SASL', 'scram:scram-secret@', '?sasl=scram-sha-256'],
    ['SASL', 'scram:scram-secret@', '?sasl=scram-sha-512'],
    ['TLS', '', `?ca=${ca}`],
    ['BOTH', 'scram:scram-secret@', `?ca=${ca}&sasl=scram-sha-512`],
  ])('%s lets %s in, who appends and consumes', async (listener, user, parameters) => {
    const log = await openKafkaLog(urlOf(listener, user, parameters));
    const group = new RecordedGroup();
    const way = `${listener} ${user}${parameters}`;
    try {
      await log.append(numbered(way, 20));
      await log.consume(way, group.handler('a'));
      await until(() => expect(group.values().filter((value) => value.startsWith(`${way} `))).toHaveLength(20));
    } finally {
      await log.close();
    }
  });

  test.each([
    ['SASL', 'plain:wrong-secret@', '?sasl=plain'],
    ['SASL', 'scram:wrong-secret@', '?sasl=scram-sha-256'],
    ['SASL', 'nobody:wrong-secret@', '?sasl=scram-sha-512'],
    ['TLS', '', '?tls=true'],
  ])('%s keeps %s%s out, and says so without the password', async (listener, user, parameters) => {
    const refused = await openKafkaLog(urlOf(listener, user, parameters)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'TIDEMARK_LOG_ACCESS', retryable: false });
    expect(String(refused)).not.toContain('secret');
  });
});
