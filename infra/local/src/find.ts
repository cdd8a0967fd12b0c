import { join } from 'node:path';
import { findCassandra } from './cassandra/start.ts';
import type { Cluster } from './cluster.ts';
import { findKafka } from './kafka/start.ts';
import type { ServerName } from './shipped.ts';

/** The servers of a kind that the folder was made for, running or not; null when there never were any. */
export function findServers(folder: string, server: ServerName): Cluster | null {
  return server === 'kafka' ? findKafka(join(folder, server)) : findCassandra(join(folder, server));
}
