import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KafkaCluster, startKafka } from '@tidemark/infra-local';
import { onKafkaAndCassandra, type StoreUrls } from './deployed-system.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** A Kafka that sends its clients through a proxy, which is known before it. */
export const startProxiedKafka = async (proxy: TcpProxy): Promise<KafkaCluster> => {
  const kafka = await startKafka({
    folder: mkdtempSync(join(tmpdir(), 'tidemark-faults-kafka-')),
    temporary: true,
    settings: { 'broker.session.timeout.ms': '4000' },
    listeners: { PROXIED: 'PLAINTEXT' },
    advertisedPorts: { PROXIED: proxy.port },
  });
  const [address] = kafka.listeners.PROXIED ?? [];
  if (address === undefined) throw new Error('Kafka has no such listener');
  proxy.leadTo(address);
  return kafka;
};

/** Stores of one system's own, all of whose clients go through the proxies. What is appended can be read on the way. */
export async function throughProxies(kafka: TcpProxy, cassandra: TcpProxy): Promise<StoreUrls> {
  const stores = await onKafkaAndCassandra(kafka.address, cassandra.address);
  return { ...stores, logUrl: `${stores.logUrl}&compression=none` };
}
