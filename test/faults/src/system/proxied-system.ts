import type { KafkaCluster } from '@tidemark/infra-local';
import { eventually } from '@tidemark/infra-local/testing';
import { DeployedSystem } from './deployed-system.ts';
import { startProxiedKafka, throughProxies } from './proxied-servers.ts';
import type { SteadyReader } from './reader.ts';
import { TcpProxy } from './tcp-proxy.ts';

const PATIENT_MS = 120_000;

/** A system of which every app, and every writer, reaches Kafka and Cassandra by a proxy alone. */
export class ProxiedSystem {
  readonly kafka: TcpProxy;
  readonly cassandra: TcpProxy;
  readonly system: DeployedSystem;
  readonly #server: KafkaCluster;

  private constructor(kafka: TcpProxy, cassandra: TcpProxy, server: KafkaCluster, system: DeployedSystem) {
    this.kafka = kafka;
    this.cassandra = cassandra;
    this.#server = server;
    this.system = system;
  }

  /** With a Kafka of its own, and the Cassandra at the address. */
  static async start(cassandraAddress: string): Promise<ProxiedSystem> {
    const [kafka, cassandra] = await Promise.all([TcpProxy.start(), TcpProxy.start()]);
    const server = await startProxiedKafka(kafka);
    cassandra.leadTo(cassandraAddress);
    const system = await DeployedSystem.start({ stores: await throughProxies(kafka, cassandra) });
    return new ProxiedSystem(kafka, cassandra, server, system);
  }

  /** Resolves when the reader got so many more answers. */
  async answers(reader: SteadyReader, more = 30): Promise<void> {
    const enough = reader.answers + more;
    try {
      await eventually(`${more} more answers`, PATIENT_MS, () => (reader.answers >= enough ? true : null));
    } catch (error) {
      const tails = this.system.servingLayers.map((app) => app.tail()).join('\n');
      throw new Error(`${error}\n${JSON.stringify(reader.failures.slice(-3))}\n${tails}`);
    }
  }

  async end(): Promise<void> {
    await this.system.end();
    await Promise.all([this.kafka.close(), this.cassandra.close(), this.#server.stop()]);
  }
}
