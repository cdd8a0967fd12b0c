import { inject } from 'vitest';
import type {} from './provided.ts';

/**
 * `host:port` of the run's Kafka, null where it is skipped: `describe.skipIf(kafkaOfRun() === null)`. Needs `kafkaServer`
 * in vitest.config.mjs.
 */
export const kafkaOfRun = (): string | null => inject('kafka');

/** `host:port` of the run's Cassandra, null where it is skipped. Needs `cassandraServer` in vitest.config.mjs. */
export const cassandraOfRun = (): string | null => inject('cassandra');
