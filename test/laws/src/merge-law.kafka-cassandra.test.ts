import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { cassandraOfRun, kafkaOfRun } from '@tidemark/infra-local/testing';
import { testTopic } from '@tidemark/log/kafka/testing';
import { type FreshKeyspace, freshKeyspace } from '@tidemark/views/cassandra/testing';
import { afterAll, it } from 'vitest';
import { holdMergeLaw } from './histories.ts';

const kafka = kafkaOfRun();
const cassandra = cassandraOfRun();

/** Keyspaces that no history has at the moment: to make the tables of one, and to drop them, takes seconds. */
const idle: FreshKeyspace[] = [];
afterAll(async () => {
  for (const keyspace of idle) await keyspace.drop();
});

it.skipIf(kafka === null || cassandra === null)('the merge law holds on Kafka and Cassandra', async () => {
  await holdMergeLaw(12, async () => {
    const topic = testTopic(kafka ?? '');
    const keyspace = idle.pop() ?? freshKeyspace(cassandra ?? '');
    const catalog = await freshDatabase();
    return {
      logUrl: topic.url(),
      viewsUrl: keyspace.url,
      catalogUrl: catalog.url,
      drop: async () => {
        await Promise.all([topic.drop(), keyspace.empty(), catalog.drop()]);
        idle.push(keyspace);
      },
    };
  });
});
