import { pathToFileURL } from 'node:url';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { type CassandraCluster, type KafkaCluster, startCassandra, startKafka } from '@tidemark/infra-local';
import type { CliError } from '../error.ts';
import { folderPaths, type ServerName } from '../home/data-folder.ts';
import { EMBEDDED_DATABASE } from '../home/running-file.ts';
import { KeptServer } from './kept-server.ts';

type StoreOptions = {
  readonly logUrl: string | undefined;
  readonly viewsUrl: string | undefined;
  readonly catalogUrl: string | undefined;
  readonly lakeUrl: string | undefined;
};

/** Where the stores are: null is the folder's own PostgreSQL, whose URL holds a password. */
export type StorePlaces = {
  readonly logUrl: string | null;
  readonly viewsUrl: string | null;
  readonly catalogUrl: string | null;
  readonly lakeUrl: string;
};

export type Stores = {
  readonly logUrl: string;
  readonly viewsUrl: string;
  readonly catalogUrl: string;
  readonly lakeUrl: string;
  readonly places: StorePlaces;
  /** What was started for them, for people. */
  readonly started: readonly string[];
  /** How PostgreSQL is run, when that is worth telling. */
  readonly notice: string | null;
  stop(): Promise<void>;
};

export type StoreHooks = {
  /** What is going on while they start. */
  readonly say: (text: string) => void;
  /** A server ended and is started again. */
  readonly tell: (message: string) => void;
  /** A server is beyond help. */
  readonly onLost: (error: CliError) => void;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
};

/** A server that runs for a store. */
type StoreServer = { readonly url: string; readonly started: string; stop(): Promise<void> };

/** How long one of them may take to end by itself; what it acknowledged is on the disk, or in the system's hands. */
const GRACE_MS = 1_500;

/**
 * Opens what the settings name, starts the servers the system brings along (`on`), and the folder's own PostgreSQL for the
 * rest: one database, in which log, views and catalog each have a schema. All at once; each keeps its port between starts
 * if it can. Should a server end, it is started again on its port; `onLost` is told when that can't be.
 */
export async function startStores(
  folder: string,
  options: StoreOptions,
  on: readonly ServerName[],
  hooks: StoreHooks,
): Promise<Stores> {
  const needsPostgres =
    options.catalogUrl === undefined ||
    (options.logUrl === undefined && !on.includes('kafka')) ||
    (options.viewsUrl === undefined && !on.includes('cassandra'));
  const starts = {
    postgres: needsPostgres ? startPostgres(folder, hooks) : null,
    kafka: on.includes('kafka') ? kafkaFor(folder, hooks) : null,
    cassandra: on.includes('cassandra') ? cassandraFor(folder, hooks) : null,
  };
  const settled = await Promise.allSettled(Object.values(starts));
  const stop = async () => {
    await Promise.all(settled.map((start) => (start.status === 'fulfilled' ? start.value?.stop() : undefined)));
  };
  const failed = settled.find((start) => start.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const [postgres, kafka, cassandra] = await Promise.all([starts.postgres, starts.kafka, starts.cassandra]);
  const places = {
    logUrl: options.logUrl ?? kafka?.url ?? null,
    viewsUrl: options.viewsUrl ?? cassandra?.url ?? null,
    catalogUrl: options.catalogUrl ?? null,
    lakeUrl: options.lakeUrl ?? pathToFileURL(folderPaths(folder).lake).href,
  };
  const own = postgres?.url ?? '';
  return {
    logUrl: places.logUrl ?? own,
    viewsUrl: places.viewsUrl ?? own,
    catalogUrl: places.catalogUrl ?? own,
    lakeUrl: places.lakeUrl,
    places,
    started: [postgres, kafka, cassandra].flatMap((server) => server?.started ?? []),
    notice: postgres?.notice ?? null,
    stop,
  };
}

async function startPostgres(
  folder: string,
  { tell, onLost }: StoreHooks,
): Promise<StoreServer & { readonly notice: string | null }> {
  const { postgres } = folderPaths(folder);
  const kept = await KeptServer.start<EmbeddedPostgres>({
    name: 'PostgreSQL',
    start: async (before) => {
      const server = await startEmbeddedPostgres({ folder: postgres });
      if (before === null || server.port === before.port) return server;
      await server.stop();
      throw new Error(`its port ${before.port} was taken meanwhile`);
    },
    tell,
    onLost,
  });
  const { port, notice } = kept.server;
  const url = await kept.server.createDatabase(EMBEDDED_DATABASE);
  return { url, started: `PostgreSQL on port ${port}`, notice, stop: () => kept.stop() };
}

async function kafkaFor(folder: string, { say, tell, onLost, signal }: StoreHooks): Promise<StoreServer> {
  const options = { folder: folderPaths(folder).kafka, graceMs: GRACE_MS, say, signal };
  const kept = await KeptServer.start<KafkaCluster>({
    name: 'Kafka',
    start: async (before) => {
      if (before === null) return startKafka(options);
      await before.start(1);
      return before;
    },
    tell,
    onLost,
  });
  const [address = ''] = kept.server.brokers;
  return { url: `kafka://${address}/customer_events`, started: `Kafka on ${portOf(address)}`, stop: () => kept.stop() };
}

async function cassandraFor(folder: string, { say, tell, onLost, signal }: StoreHooks): Promise<StoreServer> {
  const options = { folder: folderPaths(folder).cassandra, graceMs: GRACE_MS, say, signal };
  const kept = await KeptServer.start<CassandraCluster>({
    name: 'Cassandra',
    start: async (before) => {
      if (before === null) return startCassandra(options);
      await before.start(1);
      return before;
    },
    tell,
    onLost,
  });
  const [address = ''] = kept.server.contactPoints;
  return {
    url: `cassandra://${address}?dc=datacenter1&keyspace=tidemark&rf=1`,
    started: `Cassandra on ${portOf(address)}`,
    stop: () => kept.stop(),
  };
}

const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1);
