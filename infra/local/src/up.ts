import { join } from 'node:path';
import { startCassandra } from './cassandra/start.ts';
import { type Cluster, readLayout } from './cluster.ts';
import { findServers } from './find.ts';
import { startKafka } from './kafka/start.ts';
import type { ServerName } from './shipped.ts';
import { TITLES } from './titles.ts';

export type UpOptions = {
  readonly folder: string;
  readonly only: readonly ServerName[];
  readonly brokers?: number;
  readonly nodes?: number;
  readonly kafkaPort?: number;
  readonly cassandraPort?: number;
};

const KAFKA_PORT = 9092;
const CASSANDRA_PORT = 9042;

/** Starts what is asked for and does not run yet; the servers outlive this process. */
export async function up(options: UpOptions): Promise<void> {
  const ranBefore = options.only.filter((server) => (findServers(options.folder, server)?.pids.length ?? 0) > 0);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      process.stderr.write('\nInterrupted: ending what was started.\n');
      const started = options.only.filter((server) => !ranBefore.includes(server));
      const ends = started.map((server) => findServers(options.folder, server)?.stop());
      void Promise.allSettled(ends).then(() => process.exit(130));
    });
  }
  const results = await Promise.allSettled(options.only.map((server) => start(server, options)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  process.stdout.write(`\n${options.only.map((server) => `  ${settingFor(server, options.folder)}\n`).join('')}
  Stop with npm run infra:down. Data and logs are in ${options.folder}.\n`);
}

/** Servers are started side by side: each of their lines says whose it is. */
async function start(server: ServerName, options: UpOptions): Promise<Cluster> {
  const began = performance.now();
  const line = (sign: string, text: string) => process.stdout.write(`  ${sign} ${TITLES[server].padEnd(12)} ${text}\n`);
  const folder = join(options.folder, server);
  const known = readLayout(folder);
  const given = server === 'kafka' ? options.kafkaPort : options.cassandraPort;
  const remembered = server === 'kafka' ? known?.ports['client-1'] : known?.ports.client;
  const common = {
    folder,
    outlive: true,
    port: given ?? remembered ?? (server === 'kafka' ? KAFKA_PORT : CASSANDRA_PORT),
    say: (text: string) => line('…', text),
  };
  const cluster =
    server === 'kafka'
      ? await startKafka({ ...common, brokers: options.brokers ?? known?.nodes ?? 1 })
      : await startCassandra({ ...common, nodes: options.nodes ?? known?.nodes ?? 1 });
  line('✓', `${cluster.addresses.join(', ')}  (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  return cluster;
}

/** What tells Tidemark to use it. */
function settingFor(server: ServerName, folder: string): string {
  const addresses = findServers(folder, server)?.addresses ?? [];
  if (server === 'kafka') return `TIDEMARK_LOG_URL=kafka://${addresses.join(',')}/customer_events`;
  const copies = Math.min(3, addresses.length);
  return `TIDEMARK_VIEWS_URL='cassandra://${addresses.join(',')}?dc=datacenter1&keyspace=tidemark&rf=${copies}'`;
}
