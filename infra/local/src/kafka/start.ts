import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { resolveArtefacts } from '../artefacts.ts';
import { Cluster, checkLayout, type Layout, readLayout, writeLayout } from '../cluster.ts';
import { InfraError } from '../error.ts';
import { findJava } from '../java.ts';
import { checkPort, freePort, rememberedPort, wantedPort } from '../ports.ts';
import { type NodeCommand, ServerNode } from '../server-node.ts';
import { jvmFlags } from '../shipped.ts';
import { compilerFlags, graceOf, type StartOptions } from '../start-options.ts';
import { writeFileWhole } from '../whole-file.ts';
import { kafkaAnswers } from './answers.ts';
import { type BrokerPorts, brokerProperties, formatProperties, HOST, type ListenerProtocol } from './properties.ts';

export type ScramUser = {
  readonly name: string;
  readonly password: string;
};

export type KafkaOptions = StartOptions & {
  /** 1 (the default) to 3. Topics of several have as many copies, two of which must acknowledge. */
  readonly brokers?: number;
  /** Of the first broker; the others take those after it. Absent: free ones, which the folder keeps if it can. */
  readonly port?: number;
  /** Lines of server.properties; they win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More listeners by name (letters), each on a free port, beside the plain one that is always there. */
  readonly listeners?: Readonly<Record<string, ListenerProtocol>>;
  /** Ports that clients of a listener are sent to instead of its own, by its name: of a proxy before a single broker. */
  readonly advertisedPorts?: Readonly<Record<string, number>>;
  /** Users of SCRAM-SHA-256 and SCRAM-SHA-512, made when the folder is new. */
  readonly scramUsers?: readonly ScramUser[];
};

export type KafkaCluster = Cluster & {
  /** `host:port` of each broker, on the plain listener. */
  readonly brokers: readonly string[];
  /** `host:port` of each broker, by the listener's name. */
  readonly listeners: Readonly<Record<string, readonly string[]>>;
};

const GRACE_MS = 10_000;
const START_MS = 120_000;

/**
 * Starts Kafka on 127.0.0.1 and answers when every broker is usable, consumer groups included: about 6 s, and half a
 * minute more the first time on a machine. Throws `TIDEMARK_INFRA_*` errors that say what to do.
 */
export async function startKafka(options: KafkaOptions): Promise<KafkaCluster> {
  const folder = resolve(options.folder);
  const count = options.brokers ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > 3) throw new RangeError('Kafka has 1 to 3 brokers here.');
  const java = findJava();
  const known = readLayout(folder);
  checkLayout(folder, known, count);
  const lib = await resolveArtefacts('kafka', options);
  if (known !== null && !options.outlive) await kafkaOn(folder, known, options, null).stop();
  const layout = await chooseLayout(folder, known, options, count);
  writeLayout(folder, layout);
  const cluster = kafkaOn(folder, layout, options, { java, lib });
  options.say?.(count === 1 ? 'starting Kafka' : `starting ${count} brokers of Kafka`);
  await cluster.startAll();
  return cluster;
}

/** The Kafka that a folder was made for, whether it runs or not; null when there was none. */
export function findKafka(folder: string): KafkaCluster | null {
  const path = resolve(folder);
  const layout = readLayout(path);
  return layout === null ? null : kafkaOn(path, layout, { folder: path, outlive: true }, null);
}

/** Ports by what they are for: `client-1`, `controller-1`, and `SASL-1` of a listener. */
async function chooseLayout(
  folder: string,
  known: Layout | null,
  options: KafkaOptions,
  count: number,
): Promise<Omit<Layout, 'version'>> {
  if (known !== null && kafkaOn(folder, known, options, null).pids.length > 0) {
    checkPort(folder, known.ports['client-1'], options.port);
    return known;
  }
  const ports: Record<string, number> = {};
  const taken = new Set<number>();
  const take = (name: string, port: number) => {
    ports[name] = port;
    taken.add(port);
  };
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  for (const id of ids) {
    const name = `client-${id}`;
    if (options.port !== undefined) take(name, await wantedPort([HOST], options.port + id - 1, '--kafka-port'));
    else take(name, await rememberedPort([HOST], known?.ports[name], taken));
  }
  for (const id of ids) {
    for (const name of [`controller-${id}`, ...Object.keys(options.listeners ?? {}).map((each) => `${each}-${id}`)])
      take(
        name,
        known === null ? await freePort([HOST], taken) : await rememberedPort([HOST], known.ports[name], taken),
      );
  }
  return { nodes: count, ports };
}

type Programs = { readonly java: string; readonly lib: string };

/** The cluster of a layout; without programs it can be looked at and stopped, not started. */
function kafkaOn(
  folder: string,
  layout: Omit<Layout, 'version'>,
  options: KafkaOptions,
  programs: Programs | null,
): KafkaCluster {
  const protocols = options.listeners ?? {};
  const names = Object.keys(protocols);
  const portOf = (name: string) => layout.ports[name] ?? 0;
  const brokers: BrokerPorts[] = Array.from({ length: layout.nodes }, (_, index) => ({
    client: portOf(`client-${index + 1}`),
    controller: portOf(`controller-${index + 1}`),
    listeners: Object.fromEntries(names.map((name) => [name, portOf(`${name}-${index + 1}`)])),
  }));
  const nodes = brokers.map(({ client }, index) => {
    const nodeFolder = join(folder, String(index + 1));
    const address = `${HOST}:${client}`;
    return new ServerNode({
      name: `Kafka broker ${index + 1}`,
      folder: nodeFolder,
      address,
      command: async () => {
        if (programs === null) throw new Error('This Kafka was only looked at.');
        const data = join(nodeFolder, 'data');
        const properties = brokerProperties({
          id: index + 1,
          data,
          brokers,
          protocols,
          advertisedPorts: options.advertisedPorts ?? {},
          settings: options.settings ?? {},
        });
        return brokerCommand(folder, nodeFolder, properties, { ...options, ...programs, brokers: layout.nodes });
      },
      answers: () => kafkaAnswers(address),
      startTimeoutMs: options.startTimeoutMs ?? START_MS,
      graceMs: graceOf(options, GRACE_MS),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  });
  const cluster = new Cluster({
    folder,
    nodes,
    startTogether: true,
    outlive: options.outlive ?? false,
    temporary: options.temporary ?? false,
    graceMs: graceOf(options, GRACE_MS),
  });
  const listeners = names.map((name) => [name, brokers.map((broker) => `${HOST}:${broker.listeners[name]}`)]);
  return Object.assign(cluster, { brokers: cluster.addresses, listeners: Object.fromEntries(listeners) });
}

type BrokerStart = KafkaOptions & Programs & { readonly brokers: number };

/** Writes the broker's properties, prepares its disk at first, and answers what to run. */
async function brokerCommand(
  folder: string,
  nodeFolder: string,
  properties: Readonly<Record<string, string>>,
  options: BrokerStart,
): Promise<NodeCommand> {
  const { java, lib } = options;
  const file = join(nodeFolder, 'server.properties');
  writeFileWhole(file, formatProperties(properties));
  const classPath = ['-cp', join(lib, '*')];
  if (!existsSync(join(nodeFolder, 'data', 'meta.properties')))
    await formatStorage(folder, nodeFolder, file, { ...options, classPath });
  const heapMb = options.heapMb ?? (options.brokers === 1 ? 512 : 384);
  const heap = [`-Xms${Math.min(heapMb, 128)}m`, `-Xmx${heapMb}m`];
  return {
    file: java,
    args: [...heap, ...jvmFlags('kafka'), ...compilerFlags(options), ...classPath, 'kafka.Kafka', file],
  };
}

async function formatStorage(
  folder: string,
  nodeFolder: string,
  properties: string,
  { java, classPath, scramUsers = [], signal }: BrokerStart & { readonly classPath: readonly string[] },
): Promise<void> {
  mkdirSync(join(nodeFolder, 'data'), { recursive: true });
  const users = scramUsers.flatMap(({ name, password }) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((way) => ['--add-scram', `${way}=[name=${name},password=${password}]`]),
  );
  const tool = [...jvmFlags('kafka'), ...classPath, 'kafka.tools.StorageTool'];
  try {
    const args = [...tool, 'format', '-t', clusterId(folder), '-c', properties, ...users];
    await promisify(execFile)(java, args, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause);
    throw new InfraError(
      'TIDEMARK_INFRA_START_FAILED',
      `The storage of Kafka in ${nodeFolder} could not be prepared:\n${said}`,
      { cause },
    );
  }
}

/** One for all brokers of the folder, made at first. */
function clusterId(folder: string): string {
  const file = join(folder, 'cluster-id');
  // One that begins with a dash would be taken for an option.
  if (!existsSync(file)) writeFileSync(file, randomBytes(16).toString('base64url').replace(/^-/, 'A'));
  return readFileSync(file, 'utf8');
}
