import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type Admin,
  type Cluster,
  type Consumer,
  type ConsumerConfig,
  type ISocketFactory,
  Kafka,
  logLevel,
  type PartitionAssigner,
  type Producer,
  type ProducerConfig,
} from 'kafkajs';
import type { KafkaUrl } from './url.ts';
import { inWholeAnswers } from './whole-answers.ts';

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
  readonly #kafka: Kafka;
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  /** `retries`: how often kafkajs itself tries again, about once a second from the fifth time on. */
  constructor({ brokers, sasl, tls, clientId, socketFactory }: ClientSettings, retries: number) {
    // kafkajs cuts a seed's name at its first colon, so an IPv6 address goes under another name.
    const addressOf = new Map(brokers.map(({ host }) => [host.replaceAll(':', '-'), host]));
    this.#kafka = new Kafka({
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
        const host = addressOf.get(wanted.host) ?? wanted.host;
        const socket = inWholeAnswers(socketFactory({ ...wanted, host }));
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return socket;
      },
    });
  }

  /** As `kafka.admin`, for connections that are given up when they don't answer. */
  admin(): Admin {
    const admin = this.#kafka.admin();
    admin.on(admin.events.REQUEST_TIMEOUT, () => this.#hangUp('No answer came.'));
    return admin;
  }

  producer(config: ProducerConfig): Producer {
    const producer = this.#kafka.producer(config);
    producer.on(producer.events.REQUEST_TIMEOUT, () => this.#hangUp('No answer came.'));
    return producer;
  }

  consumer(config: ConsumerConfig): Consumer {
    const consumer = this.#kafka.consumer(config);
    consumer.on(consumer.events.REQUEST_TIMEOUT, () => this.#hangUp('No answer came.'));
    return consumer;
  }

  /**
   * kafkajs's connections to the brokers, which it hands to whoever brings an assigner for a consumer group: the only public
   * way to them. The consumer itself is never used.
   */
  cluster(): Cluster {
    let found: Cluster | undefined;
    const unused = () => {
      throw new Error('The group is never joined.');
    };
    const assigner: PartitionAssigner = ({ cluster }) => {
      found = cluster;
      return { name: 'unused', version: 0, assign: unused, protocol: unused };
    };
    this.consumer({ groupId: 'never joined', allowAutoTopicCreation: false, partitionAssigners: [assigner] });
    if (found === undefined) throw new Error('kafkajs makes its assigners another time: pin version 2.2.4.');
    return found;
  }

  /** Ends every connection at once; what is not answered yet fails. */
  close(): void {
    this.#isClosed = true;
    this.#hangUp('The log was closed.');
  }

  /**
   * kafkajs goes on with a connection on which an answer did not come in time: it may be dead, or be one whose first question,
   * for the versions, will never be asked again. By an error, since it does not listen to an end that is none of the other side's.
   */
  #hangUp(why: string): void {
    for (const socket of this.#sockets) socket.destroy(new Error(why));
  }
}
