import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';

/** A topic's name that nobody else has, and what the Kafka of the tests can do with it from outside. */
export type TestTopic = {
  readonly name: string;
  /** With parameters if there are any: `?compression=gzip`. */
  url(parameters?: string): string;
  /** Deletes it, if it is there. */
  drop(): Promise<void>;
};

export function testTopic(address: string): TestTopic {
  const name = `events-${randomBytes(8).toString('hex')}`;
  return {
    name,
    url: (parameters = '') => `kafka://${address}/${name}${parameters}`,
    drop: async () => {
      const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      try {
        if ((await admin.listTopics()).includes(name)) await admin.deleteTopics({ topics: [name] });
      } finally {
        await admin.disconnect();
      }
    },
  };
}
