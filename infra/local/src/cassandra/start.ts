import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { resolveArtefacts } from '../artefacts.ts';
import { Cluster, checkLayout, type Layout, readLayout, writeLayout } from '../cluster.ts';
import { findJava } from '../java.ts';
import { checkPort, rememberedPort, wantedPort } from '../ports.ts';
import { type NodeCommand, ServerNode } from '../server-node.ts';
import { jvmFlags, shipped } from '../shipped.ts';
import { compilerFlags, graceOf, type StartOptions } from '../start-options.ts';
import { writeFileWhole } from '../whole-file.ts';
import { cassandraAnswers } from './answers.ts';
import { type CassandraSettings, type CommitlogSync, formatSettings, nodeSettings, wantsTls } from './configuration.ts';

export type CassandraOptions = StartOptions & {
  /** 1 (the default, on 127.0.0.1) to 3 (on 127.0.0.11, .12 and .13, all on the same port). */
  readonly nodes?: number;
  /** Absent: a free one, which the folder keeps if it can. */
  readonly port?: number;
  /** Settings of cassandra.yaml; each wins over ours as a whole. */
  readonly settings?: CassandraSettings;
  /** Default `batch`, as shipped: what was acknowledged is there after any crash. */
  readonly commitlogSync?: CommitlogSync;
};

export type CassandraCluster = Cluster & {
  /** `host:port` of each node. */
  readonly contactPoints: readonly string[];
};

const GRACE_MS = 15_000;
const START_MS = 240_000;

/**
 * Starts Cassandra on loopback addresses and answers when every node takes CQL sessions: 9 to 15 s for one, over a minute
 * for three, which come one after the other; half a minute more the first time on a machine. The data centre's name is
 * `datacenter1`. With `PasswordAuthenticator` the first role (cassandra, cassandra) can log in by then; raise the
 * replication of `system_auth` on several nodes. Throws `TIDEMARK_INFRA_*` errors that say what to do.
 */
export async function startCassandra(options: CassandraOptions): Promise<CassandraCluster> {
  const folder = resolve(options.folder);
  const count = options.nodes ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > 3) throw new RangeError('Cassandra has 1 to 3 nodes here.');
  const java = findJava();
  const known = readLayout(folder);
  checkLayout(folder, known, count);
  const lib = await resolveArtefacts('cassandra', options);
  if (known !== null && !options.outlive) await cassandraOn(folder, known, options, null).stop();
  const layout = await chooseLayout(folder, known, options, count);
  writeLayout(folder, layout);
  const cluster = cassandraOn(folder, layout, options, { java, lib });
  options.say?.(count === 1 ? 'starting Cassandra' : `starting ${count} nodes of Cassandra, one after the other`);
  await cluster.startAll();
  return cluster;
}

/** The Cassandra that a folder was made for, whether it runs or not; null when there was none. */
export function findCassandra(folder: string): CassandraCluster | null {
  const path = resolve(folder);
  const layout = readLayout(path);
  return layout === null ? null : cassandraOn(path, layout, { folder: path, outlive: true }, null);
}

/** Each node of several has an address of its own, since drivers take one port for the whole cluster. */
const hostsOf = (count: number): readonly string[] =>
  count === 1 ? ['127.0.0.1'] : Array.from({ length: count }, (_, index) => `127.0.0.${index + 11}`);

async function chooseLayout(
  folder: string,
  known: Layout | null,
  options: CassandraOptions,
  count: number,
): Promise<Omit<Layout, 'version'>> {
  if (known !== null && cassandraOn(folder, known, options, null).pids.length > 0) {
    checkPort(folder, known.ports.client, options.port);
    return known;
  }
  const hosts = hostsOf(count);
  const client =
    options.port === undefined
      ? await rememberedPort(hosts, known?.ports.client, new Set())
      : await wantedPort(hosts, options.port, '--cassandra-port');
  const storage = await rememberedPort(hosts, known?.ports.storage, new Set([client]));
  return { nodes: count, ports: { client, storage } };
}

type Programs = { readonly java: string; readonly lib: string };

/** The cluster of a layout; without programs it can be looked at and stopped, not started. */
function cassandraOn(
  folder: string,
  layout: Omit<Layout, 'version'>,
  options: CassandraOptions,
  programs: Programs | null,
): CassandraCluster {
  const { client: port = 0, storage: storagePort = 0 } = layout.ports;
  const hosts = hostsOf(layout.nodes);
  const nodes = hosts.map((host, index) => {
    const nodeFolder = join(folder, String(index + 1));
    const settings = nodeSettings({
      folder: nodeFolder,
      host,
      seed: hosts[0] ?? host,
      port,
      storagePort,
      nodes: layout.nodes,
      commitlogSync: options.commitlogSync ?? 'batch',
      settings: options.settings ?? {},
    });
    const address = `${host}:${port}`;
    let isNew = false;
    return new ServerNode({
      name: `Cassandra node ${index + 1}`,
      folder: nodeFolder,
      address,
      command: async () => {
        if (programs === null) throw new Error('This Cassandra was only looked at.');
        isNew = index === 0 && !existsSync(join(nodeFolder, 'data', 'tables'));
        return nodeCommand(nodeFolder, settings, {
          ...programs,
          jvm: compilerFlags(options),
          heapMb: options.heapMb ?? (layout.nodes === 1 ? 1024 : 640),
          // Too short for a busy machine to hear of the first node, and needed by the others alone.
          ringDelayMs: index === 0 ? 1 : 5_000,
        });
      },
      answers: () => cassandraAnswers({ address, tls: wantsTls(settings), firstLogin: isNew }),
      startTimeoutMs: options.startTimeoutMs ?? START_MS,
      graceMs: graceOf(options, GRACE_MS),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  });
  const cluster = new Cluster({
    folder,
    nodes,
    startTogether: false,
    outlive: options.outlive ?? false,
    temporary: options.temporary ?? false,
    graceMs: graceOf(options, GRACE_MS),
  });
  return Object.assign(cluster, { contactPoints: cluster.addresses });
}

/** Writes the node's settings and answers what to run. */
function nodeCommand(
  folder: string,
  settings: CassandraSettings,
  options: Programs & { readonly heapMb: number; readonly ringDelayMs: number; readonly jvm: readonly string[] },
): NodeCommand {
  const { java, lib, heapMb, ringDelayMs, jvm } = options;
  const file = join(folder, 'cassandra.yaml');
  writeFileWhole(file, formatSettings(settings));
  const args = [
    `-javaagent:${join(lib, 'jamm-0.4.0.jar')}`,
    ...jvmFlags('cassandra'),
    ...jvm,
    `-Xms${heapMb}m`,
    `-Xmx${heapMb}m`,
    `-Dcassandra.config=${pathToFileURL(file).href}`,
    `-Dcassandra.storagedir=${join(folder, 'data')}`,
    `-Dcassandra.ring_delay_ms=${ringDelayMs}`,
    `-Dlogback.configurationFile=${pathToFileURL(shipped.config('cassandra', 'logback.xml')).href}`,
    '-cp',
    join(lib, '*'),
    'org.apache.cassandra.service.CassandraDaemon',
  ];
  return { file: java, args };
}
