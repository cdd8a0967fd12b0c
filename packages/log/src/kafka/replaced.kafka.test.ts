import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../port.ts';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { numbered } from '../testing/records.ts';
import { openKafkaLog } from './log.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';
import { until } from './testing/until.ts';

const REPLACED = { code: 'TIDEMARK_LOG_REPLACED', retryable: false };

let topic: TestTopic;
let logs: EventLog[] = [];

const open = async (): Promise<EventLog> => {
  const log = await openKafkaLog(topic.url(), { partitions: 2 });
  logs.push(log);
  return log;
};

describe.skipIf(kafkaOfRun() === null)('a topic that is deleted while it is open', () => {
  beforeEach(() => {
    topic = testTopic(kafkaOfRun() ?? '');
  });
  afterEach(async () => {
    await Promise.all(logs.map((log) => log.close()));
    logs = [];
    await topic.drop();
  });

  test('and made again is another log, and nothing of it is taken for the old one', async () => {
    const log = await open();
    const before = await log.identity();
    await log.append(numbered('old', 50));
    const group = new RecordedGroup();
    const member = await log.consume('group', group.handler('a'));
    await until(() => expect(group.records).toHaveLength(50));
    await topic.drop();
    const again = await open();
    await again.append(numbered('new', 200));
    await expect(member.done).rejects.toMatchObject(REPLACED);
    await expect(log.read(0, 0n, { maxRecords: 5, waitMs: 0 })).rejects.toMatchObject(REPLACED);
    await expect(log.append(numbered('late', 1))).rejects.toMatchObject(REPLACED);
    await expect(log.bounds()).rejects.toMatchObject(REPLACED);
    expect(group.values().some((value) => value.startsWith('new'))).toBe(false);
    expect(await log.identity()).toBe(await again.identity());
    expect(await log.identity()).not.toBe(before);
  });

  test('and stays so is said to be, after a while in which it may be a broker that just started', async () => {
    const log = await open();
    const member = await log.consume('group', new RecordedGroup().handler('a'));
    await until(() => expect(member.held()).toEqual([0, 1]));
    await topic.drop();
    // The broker itself may take a moment to know, and one answer may take as long as all that is waited for.
    const code = expect.stringMatching(/^TIDEMARK_LOG_(UNAVAILABLE|REPLACED)$/);
    await until(() => expect(log.read(0, 0n, { maxRecords: 5, waitMs: 0 })).rejects.toMatchObject({ code }));
    await expect(member.done).rejects.toMatchObject(REPLACED);
  });

  test('ends the members that have no partition, too', async () => {
    const log = await open();
    const members = await Promise.all([1, 2, 3].map(() => log.consume('group', new RecordedGroup().handler('a'))));
    const held = () => members.map((member) => member.held().length).sort();
    await until(() =>
      expect([held(), members.map((member) => member.isMember())]).toEqual([
        [0, 1, 1],
        [true, true, true],
      ]),
    );
    await topic.drop();
    const ended = await Promise.allSettled(members.map(({ done }) => done));
    for (const end of ended) expect(end).toMatchObject({ status: 'rejected', reason: REPLACED });
  }, 120_000);

  test('and made again between two starts has another identity', async () => {
    const before = await (await open()).identity();
    await topic.drop();
    expect(await (await open()).identity()).not.toBe(before);
  });
});

describe.skipIf(kafkaOfRun() === null)('a topic', () => {
  test('is made once, by however many open it at once, and keeps what is not landed', async () => {
    topic = testTopic(kafkaOfRun() ?? '');
    const opened = await Promise.all([open(), open(), open(), open()]);
    expect(new Set(await Promise.all(opened.map((log) => log.identity()))).size).toBe(1);
    await Promise.all(opened.map((log) => log.close()));
    logs = [];
    expect(await topic.settings('retention.ms', 'cleanup.policy', 'message.timestamp.type')).toEqual({
      'retention.ms': '-1',
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
    });
    await topic.drop();
  });

  test.each(['compact', 'compact,delete'])('that somebody set to %s is refused: it forgets events', async (policy) => {
    topic = testTopic(kafkaOfRun() ?? '');
    await topic.make({ 'cleanup.policy': policy });
    await expect(openKafkaLog(topic.url())).rejects.toMatchObject({ code: 'TIDEMARK_LOG_COMPACTED' });
    await topic.drop();
  });

  test('that the cluster can not make is refused with its own reason', async () => {
    topic = testTopic(kafkaOfRun() ?? '');
    const refused = openKafkaLog(topic.url('?replication=3'));
    await expect(refused).rejects.toMatchObject({
      code: 'TIDEMARK_LOG_BAD_TOPIC',
      message: expect.stringContaining('INVALID_REPLICATION_FACTOR'),
    });
  });
});
