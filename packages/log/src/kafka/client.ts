import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Cluster, type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import type { KafkaUrl } from './url.ts';

export type ClientSettings = Pick<KafkaUrl, 'brokers' | 'sasl' | 'tls'> & {
  readonly clientId: string;
  readonly socketFactory: ISocketFactory;
};

/** How kafkajs opens its connections. */
export const dial: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const name = isIP(host) ? {} : { servername: host };
  const socket = ssl ? connectTls({ host, port, ...name, ...ssl }, onConnect) : connect({ host, port }, onConnect);
  return socket.setKeepAlive(true, 60_000);
};

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY = { initialRetryTime: 50, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 };

/**
 * A kafkajs client that can be thrown away. What kafkajs does by itself after a `disconnect` (waiting for answers, trying
 * again, connecting anew) can't be stopped through its face: without sockets it comes to its end.
 */
export class Client {
  readonly kafka: Kafka;
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  /** `retries`: how often kafkajs itself tries again, about once a second from the fifth time on. */
  constructor({ brokers, sasl, tls, clientId, socketFactory }: ClientSettings, retries: number) {
    // kafkajs cuts a seed's name at its first colon, so an IPv6 address goes under another name.
    const addressOf = new Map(brokers.map(({ host }) => [host.replaceAll(':', '-'), host]));
    this.kafka = new Kafka({
      clientId,
      brokers: brokers.map(({ host, port }) => `${host.replaceAll(':', '-')}:${port}`),
      ...(tls === null ? {} : { ssl: { ...tls } }),
      ...(sasl === null ? {} : { sasl: { ...sasl } }),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { ...RETRY, retries },
      logLevel: logLevel.NOTHING,
      socketFactory: (wanted) => {
        if (this.#isClosed) throw new Error('The log was closed.');
        const socket = socketFactory({ ...wanted, host: addressOf.get(wanted.host) ?? wanted.host });
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return socket;
      },
    });
  }

  /** Ends every connection at once; what is not answered yet fails. */
  close(): void {
    this.#isClosed = true;
    // By an error, since kafkajs does not listen to an end that is none of the other side's.
    for (const socket of this.#sockets) socket.destroy(new Error('The log was closed.'));
  }
}

/**
 * kafkajs's connections to the brokers, which it hands to whoever brings an assigner for a consumer group: the only public
 * way to them. The consumer itself is never used.
 */
export function clusterOf(kafka: Kafka): Cluster {
  let found: Cluster | undefined;
  kafka.consumer({
    groupId: 'never joined',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        found = cluster;
        const unused = () => {
          throw new Error('The group is never joined.');
        };
        return { name: 'unused', version: 0, assign: unused, protocol: unused };
      },
    ],
  });
  if (found === undefined) throw new Error('kafkajs makes its assigners another time: pin version 2.2.4.');
  return found;
}
