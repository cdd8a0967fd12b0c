import { cassandraOfRun, kafkaOfRun } from '@tidemark/infra-local/testing';
import { test } from 'vitest';
import { changeMetricsLive } from './definition-switch.ts';
import { onKafkaAndCassandra } from './system/deployed-system.ts';

const kafka = kafkaOfRun();
const cassandra = cassandraOfRun();

test.skipIf(kafka === null || cassandra === null)(
  'metrics are added, changed and removed under traffic on Kafka and Cassandra, there and back',
  async () => changeMetricsLive(await onKafkaAndCassandra(kafka ?? '', cassandra ?? '')),
);
