import { createRequire } from 'node:module';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { describe, expect, test } from 'vitest';
import { openKafkaLog } from './log.ts';
import { testTopic } from './testing/test-topic.ts';

test('kafkajs is the version whose insides were read', () => {
  expect(createRequire(import.meta.url)('kafkajs/package.json')).toMatchObject({ version: '2.2.4' });
});

describe.skipIf(kafkaOfRun() === null)('the identity of a log', () => {
  test('is that of the cluster and that of the topic, each 16 bytes', async () => {
    const [topic, other] = [testTopic(kafkaOfRun() ?? ''), testTopic(kafkaOfRun() ?? '')];
    const logs = [await openKafkaLog(topic.url()), await openKafkaLog(other.url())];
    const [one = '', two = ''] = await Promise.all(logs.map((log) => log.identity()));
    await Promise.all(logs.map((log) => log.close()));
    await Promise.all([topic.drop(), other.drop()]);
    expect(one).toMatch(/^[\w-]{22}\/[0-9a-f]{32}$/);
    expect(one).not.toMatch(/0{32}$/);
    expect(two.split('/')[0]).toBe(one.split('/')[0]);
    expect(two).not.toBe(one);
  });
});
