import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { cassandraOfRun, kafkaOfRun } from '@tidemark/infra-local/testing';
import { testTopic } from '@tidemark/log/kafka/testing';
import { freshKeyspace } from '@tidemark/views/cassandra/testing';
import { it } from 'vitest';
import { holdMergeLaw } from './histories.ts';

const kafka = kafkaOfRun();
const cassandra = cassandraOfRun();

it.skipIf(kafka === null || cassandra === null)('the merge law holds on Kafka and Cassandra', async () => {
  await holdMergeLaw(12, async () => {
    const topic = testTopic(kafka ?? '');
    const keyspace = freshKeyspace(cassandra ?? '');
    const catalog = await freshDatabase();
    return {
      logUrl: topic.url(),
      viewsUrl: keyspace.url,
      catalogUrl: catalog.url,
      drop: async () => {
        await Promise.all([topic.drop(), keyspace.drop(), catalog.drop()]);
      },
    };
  });
});
