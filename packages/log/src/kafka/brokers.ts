import type { Cluster } from 'kafkajs';
import { LogError } from '../error.ts';
import { Client, type ClientSettings } from './client.ts';
import { brokerError } from './outage.ts';
import { askTopicId } from './topic-id.ts';

/** The node that leads each partition, and when that was asked. */
export type Topology = { readonly id: string; readonly leaders: ReadonlyMap<number, number>; readonly atMs: number };

/** A record as kafkajs decodes it, and what of its batch matters to readers. Offsets are strings there. */
export type Message = {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: {
    readonly firstOffset: string;
    readonly lastOffsetDelta: number;
    readonly producerId: string;
    readonly inTransaction: boolean;
  };
};

export type Fetched = {
  readonly partition: number;
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly messages: readonly Message[];
};

export type FetchPartition = { readonly partition: number; readonly from: bigint; readonly maxBytes: number };

const RETRIES = 3;
/** A broker that has just started may not know the topic yet: only after so long is it taken to be deleted. */
const DELETED_AFTER_MS = 5_000;

/** The brokers as readers see them for one topic: who leads what, what they hold, and whether it is still the same topic. */
export class Brokers {
  readonly topic: string;
  readonly #client: Client;
  readonly #cluster: Cluster;
  #topology: Topology | null = null;
  #asking: Promise<Topology> | null = null;
  /** Known once the topic was opened: whoever comes under its name later is another one. */
  #id: string | null = null;
  #missingSinceMs: number | null = null;
  /** Nodes of which the last fetch was answered, and for others the one that is on its way. */
  readonly #answering = new Set<number>();
  readonly #first = new Map<number, Promise<unknown>>();

  constructor(topic: string, settings: ClientSettings) {
    this.topic = topic;
    this.#client = new Client(settings, RETRIES);
    this.#cluster = this.#client.cluster();
  }

  /** From now on only the topic that is there counts as the one that was opened. */
  async bind(): Promise<void> {
    this.#id = (await this.topology(Number.POSITIVE_INFINITY)).id;
  }

  /** The cluster's id and the topic's as they are now, of whatever topic has the name. */
  async identity(): Promise<string> {
    await this.#refresh();
    const id = await askTopicId(await this.#cluster.findControllerBroker(), this.topic);
    if (id !== null) return id;
    throw new LogError('TIDEMARK_LOG_UNAVAILABLE', `Not every broker knows the topic ${this.topic} just now.`);
  }

  /** The topology that is not older, of the topic that was opened. Throws `TIDEMARK_LOG_REPLACED` when that is gone. */
  async topology(maxAgeMs: number): Promise<Topology> {
    if (this.#topology !== null && performance.now() - this.#topology.atMs <= maxAgeMs) return this.#topology;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** What is there now from an offset on: one whole batch at least, if there is any. */
  async fetch({ partition, from, maxBytes }: FetchPartition): Promise<Fetched> {
    const leader = (await this.topology(Number.POSITIVE_INFINITY)).leaders.get(partition) ?? -1;
    try {
      const broker = await this.#cluster.findBroker({ nodeId: String(leader) });
      // Typed as `any` there; its shape is that of the protocol, as `Fetched` has it.
      const { responses }: { responses: readonly { partitions: readonly Fetched[] }[] } = await this.#afterFirst(
        leader,
        () =>
          broker.fetch({
            isolationLevel: 1,
            maxWaitTime: 0,
            topics: [{ topic: this.topic, partitions: [{ partition, fetchOffset: String(from), maxBytes }] }],
          }),
      );
      const fetched = responses[0]?.partitions[0];
      if (fetched === undefined) throw new RangeError('An answer to Fetch without the partition asked for.');
      return fetched;
    } catch (error) {
      this.#answering.delete(leader);
      // Whoever asks next learns first who leads now, and whether it is still the topic.
      if (brokerError(error) !== 'OFFSET_OUT_OF_RANGE') this.#topology = null;
      throw error;
    }
  }

  close(): void {
    this.#client.close();
    void this.#cluster.disconnect();
  }

  /**
   * kafkajs opens a connection for each fetch that finds none, keeps the last, and breaks that one when the broker closes the
   * others for being idle. So until a node has answered one, fetches of it go one by one.
   */
  async #afterFirst<T>(node: number, fetch: () => Promise<T>): Promise<T> {
    for (let first = this.#first.get(node); first !== undefined; first = this.#first.get(node)) await first;
    if (this.#answering.has(node)) return fetch();
    const answer = fetch();
    const answered = answer.then(() => this.#answering.add(node)).catch(() => {});
    this.#first.set(
      node,
      answered.then(() => this.#first.delete(node)),
    );
    return answer;
  }

  async #refresh(): Promise<void> {
    await this.#cluster.connect();
    await this.#cluster.addTargetTopic(this.topic);
    await this.#cluster.refreshMetadata();
  }

  async #ask(): Promise<Topology> {
    const atMs = performance.now();
    try {
      const id = await this.identity();
      this.#missingSinceMs = null;
      if (this.#id !== null && this.#id !== id) throw this.#replaced('deleted and made again');
      const leaders = this.#cluster.findTopicPartitionMetadata(this.topic);
      const ordered = leaders
        .map(({ partitionId, leader }) => [partitionId, leader] as const)
        .sort(([a], [b]) => a - b);
      this.#topology = { id, leaders: new Map(ordered), atMs };
      return this.#topology;
    } catch (error) {
      if (this.#id === null || brokerError(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      this.#missingSinceMs ??= atMs;
      throw atMs - this.#missingSinceMs < DELETED_AFTER_MS ? error : this.#replaced('deleted');
    }
  }

  #replaced(what: string): LogError {
    return new LogError(
      'TIDEMARK_LOG_REPLACED',
      `The topic ${this.topic} was ${what} since it was opened. Restore it, or start again: what of the data was made from the old one is found then.`,
    );
  }
}
