import { randomBytes } from 'node:crypto';
import { type Admin, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';

/** A topic's name that nobody else has, and what the Kafka of the tests can do with it from outside. */
export type TestTopic = {
  readonly name: string;
  /** With parameters if there are any: `?compression=gzip`. */
  url(parameters?: string): string;
  /** What it is set to. */
  settings(...names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Makes it as somebody else would, before a log is opened. */
  make(settings: Readonly<Record<string, string>>): Promise<void>;
  /** Deletes it, if it is there. */
  drop(): Promise<void>;
};

export function testTopic(address: string): TestTopic {
  const name = `events-${randomBytes(8).toString('hex')}`;
  const withAdmin = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  };
  return {
    name,
    url: (parameters = '') => `kafka://${address}/${name}${parameters}`,
    settings: (...names) =>
      withAdmin(async (admin) => {
        const resources = [{ type: ConfigResourceTypes.TOPIC, name, configNames: [...names] }];
        const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
        return Object.fromEntries(
          (described[0]?.configEntries ?? []).map((each) => [each.configName, each.configValue]),
        );
      }),
    make: (settings) =>
      withAdmin(async (admin) => {
        const configEntries = Object.entries(settings).map(([setting, value]) => ({ name: setting, value }));
        await admin.createTopics({ topics: [{ topic: name, numPartitions: 2, configEntries }] });
      }),
    drop: () =>
      withAdmin(async (admin) => {
        if ((await admin.listTopics()).includes(name)) await admin.deleteTopics({ topics: [name] });
      }),
  };
}
