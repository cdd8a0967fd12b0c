import { cassandraOfRun, kafkaOfRun } from '@tidemark/infra-local/testing';
import { test } from 'vitest';
import { rollingRestart } from './rolling-restart.ts';
import { onKafkaAndCassandra } from './system/deployed-system.ts';

const kafka = kafkaOfRun();
const cassandra = cassandraOfRun();

test.skipIf(kafka === null || cassandra === null)(
  'a rolling restart of every app on Kafka and Cassandra loses no request and no order',
  async () => rollingRestart(await onKafkaAndCassandra(kafka ?? '', cassandra ?? '')),
);
