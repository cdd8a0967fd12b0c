import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../port.ts';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { bytes, readAll, text } from '../testing/records.ts';
import { openKafkaLog } from './log.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';
import { until } from './testing/until.ts';

let topic: TestTopic;
let log: EventLog;

describe.skipIf(kafkaOfRun() === null)('transactions of another client', () => {
  beforeEach(async () => {
    topic = testTopic(kafkaOfRun() ?? '');
    log = await openKafkaLog(topic.url(), { partitions: 1 });
  });
  afterEach(async () => {
    await log.close();
    await topic.drop();
  });

  test('are read when they are committed, never when they are taken back, and every reader comes level', async () => {
    const kafka = new Kafka({ brokers: [kafkaOfRun() ?? ''], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({
      transactionalId: topic.name,
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const group = new RecordedGroup();
    let levels: boolean[] = [];
    const handler = group.handler('a');
    await log.consume('group', {
      ...handler,
      records: async (partition, batch, lease) => {
        levels.push(batch.level);
        await handler.records(partition, batch, lease);
      },
    });
    const send = async (value: string, how: 'commit' | 'abort', pad = Buffer.alloc(0)) => {
      const transaction = await producer.transaction();
      const messages = [1, 2].map((n) => ({ value: `${value} ${n}`, headers: { pad } }));
      await transaction.send({ topic: topic.name, messages });
      if (how === 'abort') return transaction.abort();
      levels = [];
      await transaction.commit();
      // Its last call is level, although a marker stands behind the last record: else what was folded would wait.
      await until(() => expect([group.values().at(-1), levels.at(-1)]).toEqual([`${value} 2`, true]));
    };
    try {
      await send('a', 'commit');
      await send('b', 'abort');
      await log.append([{ key: null, value: bytes('plain') }]);
      await send('c', 'commit');
      await send('d', 'abort');
      // So large that an answer has no room for the marker behind.
      await send('e', 'commit', Buffer.alloc(800_000));
      const kept = ['a 1', 'a 2', 'plain', 'c 1', 'c 2', 'e 1', 'e 2'];
      expect((await readAll(log, 0, 2)).map(text)).toEqual(kept);
      expect(group.values()).toEqual(kept);
      const { end } = (await log.bounds()).get(0) ?? { end: -1n };
      // Five transactions of two records and a marker each, and a record.
      expect(end).toBe(16n);
      expect(await log.read(0, end, { maxRecords: 1, waitMs: 0 })).toEqual({ records: [], next: end, level: true });
    } finally {
      await producer.disconnect();
    }
  });
});
