import type { ServerName } from './shipped.ts';

/** The servers' names for people. */
export const TITLES: Readonly<Record<ServerName, string>> = { kafka: 'Kafka', cassandra: 'Cassandra' };
