import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { describe } from 'vitest';
import { cuttableProxy, type LogUnderTest, logConformance, PARTITIONS } from '../testing/index.ts';
import { dial } from './client.ts';
import { openKafkaLog } from './log.ts';
import { testTopic } from './testing/test-topic.ts';

const address = kafkaOfRun() ?? '';

async function kafkaLog(): Promise<LogUnderTest> {
  const topic = testTopic(address);
  const options = { partitions: PARTITIONS };
  return {
    open: () => openKafkaLog(topic.url(), options),
    openMortal: async () => {
      const proxy = await cuttableProxy(Number(address.split(':')[1]));
      // Kafka's clients go where the brokers say, so the way there leads through the proxy, not the URL.
      const log = await openKafkaLog(topic.url(), {
        ...options,
        socketFactory: (wanted) => dial({ ...wanted, port: proxy.port }),
      });
      return {
        log: {
          ...log,
          close: async () => {
            // The dead don't wait for answers.
            await proxy.close();
            await log.close();
          },
        },
        die: async () => proxy.cut(),
      };
    },
    remove: () => topic.drop(),
  };
}

describe.skipIf(kafkaOfRun() === null)('with a Kafka', () => {
  logConformance('The log in Kafka', kafkaLog, {
    // The markers of other clients' transactions take offsets.
    gaplessOffsets: { has: false, reason: 'a transaction of another client leaves a marker, which takes an offset' },
    within: { wakeMs: 500, takeoverMs: 10_000, handoverMs: 3_000, growMs: 5_000 },
  });
});
