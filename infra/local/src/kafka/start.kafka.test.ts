import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { expect, test } from 'vitest';
import { kafkaOfRun } from '../testing/index.ts';

const broker = kafkaOfRun();

test.skipIf(broker === null)('the Kafka of the run takes records and gives them to a consumer group', async () => {
  const kafka = new Kafka({ brokers: [broker ?? ''], logLevel: logLevel.NOTHING });
  const topic = `infra-${randomUUID()}`;
  const [admin, producer, consumer] = [kafka.admin(), kafka.producer(), kafka.consumer({ groupId: topic })];
  await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
    await producer.send({ topic, messages: [{ value: 'one' }, { value: 'two' }] });
    await consumer.subscribe({ topic, fromBeginning: true });
    const values: string[] = [];
    await new Promise<void>((done) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          values.push(String(message.value));
          if (values.length === 2) done();
        },
      });
    });
    expect(values.sort()).toEqual(['one', 'two']);
  } finally {
    await consumer.disconnect();
    await admin.deleteTopics({ topics: [topic] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
});
